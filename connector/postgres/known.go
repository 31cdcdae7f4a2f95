package postgres

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// known is a transaction that its queue knew already.
type known struct {
	of     *ergon.Transaction
	at     int
	result capability.DispatchResult
}

// tell reports what a queue knew, or adds the error of an item if conflicts are errors.
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

const (
	selectKnown = `SELECT seq, id, copy, state = 'settled' AND due_at <= {now}, digest FROM {items} WHERE queue = $1 AND id = ANY ($2)`
	deleteItems = `DELETE FROM {items} WHERE queue = $1 AND seq = ANY ($2)`
)

// stored is what a queue has under an id.
type stored struct {
	seq       int64
	copy      string
	forgotten bool // it is settled, and only not deleted yet
	digest    []byte
}

// compare compares items with what the queue has under their ids. It notes those that are known, and returns the others, to be
// inserted: for one whose id is known with other content, under its alternate id.
func (to *intake) compare(ctx context.Context, r runner, items []*item) (rest []*item, err error) {
	there, err := to.find(ctx, r, items)
	if err != nil {
		return nil, err
	}
	var forgotten []int64
	for _, it := range items {
		result, gone := it.compare(there[storable(it.ID)])
		forgotten = append(forgotten, gone...)
		other := (*item)(nil)
		if result == capability.Conflict && to.diverge {
			other = it.diverged()
		}
		switch {
		case result == "":
			rest = append(rest, it)
		case other != nil:
			if result, gone = other.compare(there[storable(other.ID)]); result == "" {
				rest = append(rest, other)
			}
			forgotten = append(forgotten, gone...)
		}
		if result != "" {
			dispatched := it
			if it.first != nil {
				dispatched = it.first
			}
			to.known = append(to.known, known{dispatched.of, dispatched.at, result})
		}
	}
	if len(forgotten) > 0 {
		err = r.query(ctx, deleteItems, nil, to.queue, forgotten)
	}
	return rest, err
}

// diverged returns an item under its alternate id; nil if it has none.
func (it *item) diverged() *item {
	alternate := it.alternate()
	if alternate == "" {
		return nil
	}
	other := *it
	other.ID, other.of, other.first = alternate, nil, it
	return &other
}

func (to *intake) find(ctx context.Context, r runner, items []*item) (map[string][]stored, error) {
	var ids []string
	for _, it := range items {
		ids = append(ids, storable(it.ID))
		if alternate := it.alternate(); alternate != "" {
			ids = append(ids, storable(alternate))
		}
	}
	there := map[string][]stored{}
	err := r.query(ctx, selectKnown, func(scan func(into ...any) error) error {
		var s stored
		var id string
		err := scan(&s.seq, &id, &s.copy, &s.forgotten, &s.digest)
		there[id] = append(there[id], s)
		return err
	}, to.queue, ids)
	return there, err
}

// compare compares a first arrival with all that is there, and a later one with itself. "" means that it is unknown.
func (it *item) compare(there []stored) (result capability.DispatchResult, forgotten []int64) {
	for _, s := range there {
		switch {
		case it.Arrival != "" && s.copy != storable(it.Arrival):
		case s.forgotten:
			forgotten = append(forgotten, s.seq)
		case it.Digest.IsIn(s.digest, it.Arrival):
			result = capability.Duplicate
		case result == "":
			result = capability.Conflict
		}
	}
	return result, forgotten
}
