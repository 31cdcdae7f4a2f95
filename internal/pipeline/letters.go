package pipeline

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
)

// letterStore writes dead letters [S2]. It has no state of its own: the caller owns the flights.
type letterStore struct {
	task     string
	store    ergon.Dispatcher // nil: there is none
	buried   bool             // letters are written together with the acknowledgement, by the hop
	payloads *payloads
	calls    batchCaller
	lost     *lostLetters
}

// write writes the letters of those of batch that are dead, and returns an error if the store is at fault. A transaction whose letter
// is not written is requeued, never dropped.
func (l *letterStore) write(ctx context.Context, batch []*flight) error {
	var dead []int
	for i, f := range batch {
		if isDead(f) && !l.buried {
			dead = append(dead, i)
		}
	}
	if len(dead) == 0 {
		return nil
	}
	letters := make([]ergon.Transaction, len(dead))
	for i, at := range dead {
		letters[i] = letterOf(l.task, batch[at])
	}
	failed, _ := l.calls.call(ctx, spans.DeadLetter, newRetriedBatch(callLetters, len(letters)),
		bisect(l.calls.retry.MaxAttempts, func(ctx context.Context, left []int) error {
			return l.store.DispatchTransactions(ctx, pick(letters, left))
		}))
	for i, at := range dead {
		batch[at].verdict.written = failed[i] == nil
	}
	return l.lost.requeue(failed.of(batch, dead), len(failed) < len(dead))
}

// readPayloads reads the payloads of those of batch that are dead, before anything of it is written.
func (l *letterStore) readPayloads(batch []*flight) error {
	var dead []*flight
	var txs []ergon.Transaction
	for _, f := range batch {
		if isDead(f) {
			dead, txs = append(dead, f), append(txs, *f.tx)
		}
	}
	var lost failedFlights
	for i, got := range l.payloads.read(txs) {
		f := dead[i]
		f.failure.payload, f.failure.encoding = got.value, got.encoding
		if got.err != nil {
			lost.add(f, got.err)
		}
	}
	return l.lost.requeue(lost, true)
}
