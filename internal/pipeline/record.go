package pipeline

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/observe"
)

// records reports whether an attempt of f is recorded, whose recorder is not nil: all that fail are, and all of a transaction
// from the first on that is; others only while somebody watches.
func (o *attemptWatch) records(f *flight, event lifecycle.Event) bool {
	return event != lifecycle.OK || (f.aside != nil && f.aside.attempts != nil) || o.recorder.Wants()
}

// record keeps an attempt with its flight.
func (o *attemptWatch) record(f *flight, a *handlerAttempt, event lifecycle.Event, err error, now instant) {
	aside := f.needAside()
	phase := a.mark().phase()
	if aside.attempts == nil && phase != lifecycle.Process {
		// What went before was not recorded, so it succeeded at its first attempt.
		aside.attempts = append(aside.attempts, observe.Attempt{
			Phase: phaseOf(o.produces, lifecycle.Process), Number: 1, Took: time.Duration(f.started - f.began), Result: lifecycle.OK.String(),
		})
	}
	done := observe.Attempt{
		Phase: phaseOf(o.produces, phase), Number: a.mark().number(), Start: time.Duration(f.started - f.began),
		Took: time.Duration(now - f.started), Result: event.String(),
	}
	if event != lifecycle.OK && err != nil {
		done.Error = err.Error()
	}
	if len(aside.attempts) == maxRecorded {
		aside.attempts = slices.Delete(aside.attempts, 0, 1)
		aside.omitted++
	}
	aside.attempts = append(aside.attempts, done)
}

// maxRecorded is how many attempts of a transaction are kept while it goes on.
const maxRecorded = 40

// record hands on what was kept of a flight that is settled; settling began then and took so long.
func (c *Consumer) record(f *flight, began, took instant) {
	if f.aside == nil || len(f.aside.attempts) == 0 {
		return
	}
	s, delivery := c.settings, f.tx.Delivery()
	last := f.aside.attempts[len(f.aside.attempts)-1]
	t := observe.Transaction{
		ID: f.tx.ID(), Task: s.Task, Worker: s.Worker, Began: c.clock.Time(f.began), Took: last.Start + last.Took,
		Outcome: f.verdict.outcome.String(), Deliveries: delivery.Count, EnqueuedAt: delivery.EnqueuedAt,
		Attempts: f.aside.attempts, Omitted: f.aside.omitted, Metadata: maps.Collect(f.tx.AllMetadata()),
	}
	if cause := causeOf(f); cause != nil && f.verdict.outcome != Succeeded {
		t.Category, t.Phase, t.Error = cause.Category.String(), cause.Phase, cause.Err.Error()
	}
	if span := f.aside.span; span != nil && span.SpanContext().IsSampled() {
		t.TraceID = span.SpanContext().TraceID().String()
	}
	if v := f.verdict; c.settler.source != nil && !v.skip || v.dead {
		t.Settled = &observe.Settlement{
			Action: v.action.String(), DeadLetter: v.dead, Delay: v.delay, Start: time.Duration(began - f.began), Took: time.Duration(took),
		}
	}
	if s.Recorder.KeepsPayloads() {
		c.recorder.Put(recorded{t, *f.tx})
		return
	}
	s.Recorder.Add(t)
}

// payloadText is a payload as somebody can read it.
func payloadText(payload any) string {
	switch p := readable(payload).(type) {
	case string:
		return p
	case json.RawMessage:
		return string(p)
	case []byte:
		return hex.EncodeToString(p)
	default:
		text, err := json.Marshal(p)
		if err != nil {
			return fmt.Sprintf("a value of type %T", p)
		}
		return string(text)
	}
}

// maxRecords is how many records may wait for their payloads to be read.
const maxRecords = 256

// recorded is a transaction whose payload is to be read and kept as well.
type recorded struct {
	observe.Transaction

	of ergon.Transaction
}

// newRecords makes the queue in front of a recorder that keeps payloads: the methods of a payload are not ours [F1].
func newRecords(to *observe.Recorder) *sink.Queue[recorded] {
	return sink.NewQueue(maxRecords, func(r recorded) {
		r.Payload = foreign.Crash(nil, nil).Error()
		defer func() {
			if p := recover(); p != nil {
				r.Payload = foreign.Crash(p, nil).Error()
			}
			to.Add(r.Transaction)
		}()
		r.Payload = payloadText(r.of.Payload())
	})
}
