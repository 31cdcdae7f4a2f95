package pipeline

import (
	"maps"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/readable"
	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/observe"
)

// recorder keeps what became of transactions for whoever looks at a loop. Attempts are kept with their flight, whose owner calls
// wants and attempt; whoever settles calls settled. Nil records nothing, and is not called.
type recorder struct {
	to           *observe.Recorder
	queue        *sink.Queue[recorded] // in front of a recorder that keeps payloads
	task, worker string
	clock        clock
	produces     bool // a producing loop
	settles      bool // the source takes settlements
}

func newRecorder(s Settings, c clock) *recorder {
	if s.Recorder == nil {
		return nil
	}
	_, settles := capability.As[capability.Settler](s.Source)
	return &recorder{
		to: s.Recorder, queue: newRecords(s.Recorder), task: s.Task, worker: s.Worker, clock: c, produces: s.produces, settles: settles,
	}
}

// wants reports whether an attempt of f is recorded: all failures are, all attempts of a transaction after the first that is, and
// others while somebody watches.
func (r *recorder) wants(f *flight, event lifecycle.Event) bool {
	return event != lifecycle.OK || (f.extras != nil && f.extras.attempts != nil) || r.to.Wants()
}

// attempt keeps an attempt that has ended with its flight.
func (r *recorder) attempt(f *flight, m mark, event lifecycle.Event, err error, now instant) {
	extras := f.needExtras()
	if extras.attempts == nil && m.phase() != lifecycle.Process {
		// The attempt before was not recorded, so it succeeded, and it was the first.
		extras.attempts = append(extras.attempts, observe.Attempt{
			Phase: phaseOf(r.produces, lifecycle.Process), Number: 1, Took: time.Duration(f.started - f.began), Result: lifecycle.OK.String(),
		})
	}
	done := observe.Attempt{
		Phase: phaseOf(r.produces, m.phase()), Number: m.number(), Start: time.Duration(f.started - f.began),
		Took: time.Duration(now - f.started), Result: event.String(),
	}
	if event != lifecycle.OK && err != nil {
		done.Error = err.Error()
	}
	if len(extras.attempts) == maxRecorded {
		extras.attempts = slices.Delete(extras.attempts, 0, 1)
		extras.omitted++
	}
	extras.attempts = append(extras.attempts, done)
}

// maxRecorded is how many attempts are kept of a transaction that continues: the last ones.
const maxRecorded = 40

// settled passes on what was kept of a flight that is settled. began is when settling did.
func (r *recorder) settled(f *flight, began, took instant) {
	if f.extras == nil || len(f.extras.attempts) == 0 {
		return
	}
	delivery := f.tx.Delivery()
	last := f.extras.attempts[len(f.extras.attempts)-1]
	t := observe.Transaction{
		ID: f.tx.ID(), Task: r.task, Worker: r.worker, Began: r.clock.Time(f.began), Took: last.Start + last.Took,
		Outcome: f.verdict.outcome.String(), Deliveries: delivery.Count, EnqueuedAt: delivery.EnqueuedAt,
		Attempts: f.extras.attempts, Omitted: f.extras.omitted, Metadata: maps.Collect(f.tx.AllMetadata()),
	}
	if cause := causeOf(f); cause != nil && f.verdict.outcome != Succeeded {
		t.Category, t.Phase, t.Error = cause.Category.String(), cause.Phase, cause.Err.Error()
	}
	if span := f.extras.span; span != nil && span.SpanContext().IsSampled() {
		t.TraceID = span.SpanContext().TraceID().String()
	}
	if v := f.verdict; r.settles && !v.skip || v.dead {
		t.Settled = &observe.Settlement{
			Action: v.action.String(), DeadLetter: v.dead, Delay: v.delay, Start: time.Duration(began - f.began), Took: time.Duration(took),
		}
	}
	if r.to.KeepsPayloads() {
		r.queue.Put(recorded{t, *f.tx})
		return
	}
	r.to.Add(t)
}

// flush waits until all records are made, as long as payloads are read, and not any more once force is closed.
func (r *recorder) flush(force <-chan struct{}) {
	if r != nil {
		r.queue.Flush(time.Second, maxFlush, force)
	}
}

// maxRecords is how many records may wait for their payloads to be read.
const maxRecords = 256

// recorded is a transaction whose payload is to be read and kept as well.
type recorded struct {
	observe.Transaction

	of ergon.Transaction
}

// newRecords makes the queue in front of a recorder that keeps payloads: the methods of a payload are foreign [F1].
func newRecords(to *observe.Recorder) *sink.Queue[recorded] {
	return sink.NewQueue(maxRecords, func(r recorded) {
		r.Payload = foreign.Crash(nil, nil).Error()
		defer func() {
			if p := recover(); p != nil {
				r.Payload = foreign.Crash(p, nil).Error()
			}
			to.Add(r.Transaction)
		}()
		r.Payload = readable.Text(r.of.Payload())
	})
}
