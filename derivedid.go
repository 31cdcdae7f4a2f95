package ergon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"unicode/utf8"

	"github.com/ergon-go/ergon/internal/spans"
)

const (
	// longestID is how long an id that the engine makes of another is at most, in bytes. Beyond that it is cut, and a digest of
	// all of it keeps it apart from others.
	longestID = 128
	// longestHead is how much is left of one that is cut.
	longestHead = 60
)

// OutputID returns the id of the output of t at a position, counted from 0, in the task that ctx belongs to [B3]:
//
//	<id>/<task>/<source>/<position>              order-7/price/orders/0
//	<id>/<task>/<source>/<position>.<generation> order-7/price/orders/0.1
//
// Processing t again makes the same ids. No other task, source or generation makes the same ids. OutputID is for a consumer that
// dispatches by itself, together with [Transaction.WithDerivedID]; the engine gives these ids to the outputs of a hybrid task. If
// ctx belongs to no task with a name, the id is "<id>/<position>". An id of more than 128 bytes is cut, and ends in "/~" and a
// digest.
func (t Transaction) OutputID(ctx context.Context, position int) string {
	scope, _ := spans.ScopeFrom(ctx)
	return t.outputID(scope.Identity, position)
}

// outputID is read from its end: the position has digits and a dot only, and neither name of an identity has a slash in it,
// so two of them are equal only where all of their parts are.
func (t Transaction) outputID(identity string, position int) string {
	var buffer [longestID + 2*longestHead]byte
	id := append(append(buffer[:0], t.id...), '/')
	if identity != "" {
		id = append(append(id, identity...), '/')
	}
	id = strconv.AppendInt(id, int64(position), 10)
	if generation := t.Generation(); generation > 0 {
		id = strconv.AppendInt(append(id, '.'), int64(generation), 10)
	}
	return bounded(id)
}

// bounded is id, cut where it is longer than longestID: the digest is that of all of it, so no two are cut to the same.
func bounded(id []byte) string {
	if len(id) <= longestID {
		return string(id)
	}
	head := longestHead
	for head > 0 && !utf8.RuneStart(id[head]) {
		head--
	}
	return string(id[:head]) + "/~" + digestOf(id)
}

// digestOf is 128 bits of a SHA-256, in hexadecimal digits.
func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
