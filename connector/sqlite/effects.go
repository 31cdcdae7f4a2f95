package sqlite

import (
	"context"

	"github.com/ergon-go/ergon/capability"
)

// effects are the outputs of hops, which are written together.
type effects struct {
	queues  []*Queue // in the order in which they first occur
	items   map[*Queue][]item
	letters []*letter
	known   map[*Queue][]known // of what was written
	written []effects          // before these
}

func (e *effects) addAll(outputs []output) {
	for _, out := range outputs {
		if out.queue != nil {
			e.add(out.queue, out.items)
		}
		for i := range out.letters {
			e.letters = append(e.letters, &out.letters[i])
		}
	}
}

func (e *effects) add(queue *Queue, items []item) {
	if e.items == nil {
		e.items = map[*Queue][]item{}
	}
	if _, known := e.items[queue]; !known {
		e.queues = append(e.queues, queue)
	}
	e.items[queue] = append(e.items[queue], items...)
}

func (e *effects) write(t *tx, now int64) error {
	for _, queue := range e.queues {
		to := queue.enqueueing()
		if err := t.enqueue(&to, now, e.items[queue]); err != nil {
			return err
		}
		if len(to.known) > 0 {
			if e.known == nil {
				e.known = map[*Queue][]known{}
			}
			e.known[queue] = to.known
		}
	}
	for _, l := range e.letters {
		if err := t.addLetter(l); err != nil {
			return err
		}
	}
	return nil
}

// conflict is the first output that its queue refuses; nil where there is none.
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
	for i := range e.written {
		e.written[i].tell(ctx)
	}
	for _, queue := range e.queues {
		queue.tell(ctx, e.known[queue], nil)
	}
}
