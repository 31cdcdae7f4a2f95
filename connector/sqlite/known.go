package sqlite

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon/internal/queueitem"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

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
	return it.of.AlternateID(it.Digest.Content())
}

const selectKnown = `SELECT seq, copy, state, due_at, digest, metadata, payload FROM items WHERE queue = ? AND id = ?`

// compare looks for what the queue has under the id of an item. A first arrival is compared with all of it, a later one with
// itself. "" means that it is unknown: what was only not deleted yet is now.
func (t *tx) compare(to *enqueueing, now int64, it *item) (result capability.DispatchResult, err error) {
	var forgotten []int64
	var old []undigested
	err = t.query(context.Background(), selectKnown, func(r row) error {
		switch {
		case it.Arrival != "" && r.text(1) != it.Arrival:
		case r.text(2) == stateSettled && r.int(3) <= now:
			forgotten = append(forgotten, r.int(0))
		case it.Digest.IsIn(r.bytes(4), it.Arrival):
			result = capability.Duplicate
		case r.isNull(4):
			old = append(old, undigested{seq: r.int(0), metadata: r.text(5), payload: r.bytes(6)})
		case result == "":
			result = capability.Conflict
		}
		return nil
	}, to.queue, it.ID)
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
	case known && it.Digest.IsIn(stored.Bytes(), it.Arrival), !known && it.alternate() == "":
		return capability.Duplicate, nil
	default:
		return capability.Conflict, nil
	}
}

// digestOf is false where the payload is gone.
func (t *tx) digestOf(k undigested) (d queueitem.Digest, known bool, err error) {
	if k.payload == nil {
		if k.payload, err = t.body(k.seq); k.payload == nil || err != nil {
			return d, false, err
		}
	}
	metadata, err := queueitem.DecodeMetadata(k.metadata)
	if err != nil {
		return d, false, nil //nolint:nilerr // somebody changed it: what it said is not known
	}
	return queueitem.DigestOf(k.payload, metadata), true, nil
}

const setDigest = `UPDATE items SET digest = ? WHERE seq = ?`

// storeDigest has an item that was stored without a digest have one, before its payload is gone.
func (t *tx) storeDigest(k undigested) error {
	d, known, err := t.digestOf(k)
	if !known || err != nil {
		return err
	}
	_, err = t.exec(setDigest, d.Bytes(), k.seq)
	return err
}
