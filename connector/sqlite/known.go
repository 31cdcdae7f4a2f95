package sqlite

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// digest is that of a content and, of one that was edited, that of what it said first.
type digest struct {
	text [32]byte
	size int
}

const digestSize = len(capability.ContentDigest{})

func digestOf(payload []byte, metadata map[string]string) (d digest) {
	content := capability.ContentDigestOf(payload, metadata)
	d.size = copy(d.text[:], content[:])
	if first, edited := capability.FirstContent(metadata); edited {
		d.size += copy(d.text[d.size:], first[:])
	}
	return d
}

// bytes is the digest as it is stored, within d.
func (d *digest) bytes() []byte { return d.text[:d.size] }

// isIn reports whether stored is the digest of the content of d. That of a first arrival may also be what was said first.
func (d *digest) isIn(stored []byte, arrival string) bool {
	for ; len(stored) >= digestSize; stored = stored[digestSize:] {
		if bytes.Equal(stored[:digestSize], d.text[:digestSize]) {
			return true
		}
		if arrival != "" {
			break
		}
	}
	return false
}

// known is a transaction that its queue knew already.
type known struct {
	of     *ergon.Transaction
	at     int
	result capability.DispatchResult
}

// tell reports what a queue knew, or has it fail where conflicts are errors.
func (q *Queue) tell(ctx context.Context, all []known, failed *failures) {
	for _, k := range all {
		if k.result == capability.Conflict && q.settings.OnConflict == capability.ConflictError {
			failed.add(k.at, q.conflict(k.of))
			continue
		}
		capability.ReportDispatch(ctx, *k.of, k.result)
	}
}

func (q *Queue) conflict(of *ergon.Transaction) error {
	return ergon.Permanent(fmt.Errorf("%s: transaction %s: %w; the first one stands", q.what, of.ID(), capability.ErrConflict))
}

// alternate is the id for content that is not what the queue knows; "" for a transaction whose id is not derived.
func (it *item) alternate() string {
	if it.of == nil {
		return ""
	}
	return it.of.AlternateID([16]byte(it.digest.text[:digestSize]))
}

const selectKnown = `SELECT seq, copy, state, due_at, digest, metadata, payload FROM items WHERE queue = ? AND id = ?`

// compare looks for what the queue has under the id of an item. A first arrival is compared with all of it, a later one with
// itself. "" means that it is unknown: what was only not deleted yet is now.
func (t *tx) compare(to *enqueueing, now int64, it *item) (result capability.DispatchResult, err error) {
	var forgotten []int64
	var old []undigested
	err = t.query(context.Background(), selectKnown, func(r row) error {
		switch {
		case it.arrival != "" && r.text(1) != it.arrival:
		case r.text(2) == stateSettled && r.int(3) <= now:
			forgotten = append(forgotten, r.int(0))
		case it.digest.isIn(r.bytes(4), it.arrival):
			result = capability.Duplicate
		case r.isNull(4):
			old = append(old, undigested{seq: r.int(0), metadata: r.text(5), payload: r.bytes(6)})
		case result == "":
			result = capability.Conflict
		}
		return nil
	}, to.queue, it.id)
	for _, k := range old {
		if err == nil && result != capability.Duplicate {
			result, err = t.compareUndigested(k, it)
		}
	}
	for _, seq := range forgotten {
		if err == nil {
			err = t.remove(deleteItem, seq)
		}
	}
	return result, err
}

const deleteItem = `DELETE FROM items WHERE seq = ? RETURNING seq`

// kept is what a program before schema 3 has stored, without a digest.
type undigested struct {
	seq      int64
	metadata string
	payload  []byte
}

// compareUndigested takes the digest from what is stored. Of an id that is all that was remembered nobody knows what it said: that
// is a duplicate, as it always was, unless it can be stored under another id.
func (t *tx) compareUndigested(k undigested, it *item) (capability.DispatchResult, error) {
	stored, known, err := t.digestOf(k)
	switch {
	case err != nil:
		return "", err
	case known && it.digest.isIn(stored.bytes(), it.arrival), !known && it.alternate() == "":
		return capability.Duplicate, nil
	default:
		return capability.Conflict, nil
	}
}

// digestOf is false where the payload is gone.
func (t *tx) digestOf(k undigested) (d digest, known bool, err error) {
	if k.payload == nil {
		if k.payload, err = t.body(k.seq); k.payload == nil || err != nil {
			return d, false, err
		}
	}
	metadata, err := decodeMetadata(k.metadata)
	if err != nil {
		return d, false, nil //nolint:nilerr // somebody changed it: what it said is not known
	}
	return digestOf(k.payload, metadata), true, nil
}

const setDigest = `UPDATE items SET digest = ? WHERE seq = ?`

// storeDigest has an item that was stored without a digest have one, before its payload is gone.
func (t *tx) storeDigest(k undigested) error {
	d, known, err := t.digestOf(k)
	if !known || err != nil {
		return err
	}
	_, err = t.exec(setDigest, d.bytes(), k.seq)
	return err
}
