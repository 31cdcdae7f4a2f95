package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/ergon-go/ergon/capability"
)

// effects are the outputs of hops, which are written together.
type effects struct {
	queues  []*Queue
	items   map[*Queue][]item
	letters []*letter
	known   map[*Queue][]known // of what was written
}

func (e *effects) add(outputs []output) {
	for _, out := range outputs {
		if out.queue != nil {
			e.addItems(out.queue, out.items)
		}
		for i := range out.letters {
			e.letters = append(e.letters, &out.letters[i])
		}
	}
}

func (e *effects) addItems(queue *Queue, items []item) {
	if e.items == nil {
		e.items = map[*Queue][]item{}
	}
	if _, known := e.items[queue]; !known {
		e.queues = append(e.queues, queue)
	}
	e.items[queue] = append(e.items[queue], items...)
}

// write writes queue by queue, always in the same order: two transactions that write to the same queues do not block each other.
func (e *effects) write(ctx context.Context, t *tx) error {
	slices.SortStableFunc(e.queues, func(a, b *Queue) int { return cmp.Compare(a.number.Load(), b.number.Load()) })
	for _, queue := range e.queues {
		to := queue.intake()
		if err := to.enqueue(ctx, t, e.items[queue]); err != nil {
			return err
		}
		t.woken = append(t.woken, to.queue)
		if len(to.known) > 0 {
			if e.known == nil {
				e.known = map[*Queue][]known{}
			}
			e.known[queue] = to.known
		}
	}
	for _, l := range e.letters {
		if err := t.addLetter(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// conflict is the first output that its queue refuses; nil if there is none.
func (e *effects) conflict() error {
	for _, queue := range e.queues {
		for _, k := range e.known[queue] {
			if k.result == capability.Conflict && queue.settings.OnConflict == capability.ConflictError {
				return queue.conflict(k.of)
			}
		}
	}
	return nil
}

// tell reports what the queues knew, once it is durable.
func (e *effects) tell(ctx context.Context) {
	for _, queue := range e.queues {
		queue.tell(ctx, e.known[queue], nil)
	}
}
