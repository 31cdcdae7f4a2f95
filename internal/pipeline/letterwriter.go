package pipeline

import (
	"context"
	"errors"
	"slices"
)

// letterWriter writes dead letters while the settler settles other transactions, so that those do not wait for the letters' store [S2].
// A transaction is settled after its letter is written; later transactions of its ordering key are settled after it. One batch is written
// at a time, on a goroutine that ends with it. A write has the limits of the settle policy and ends with the loop. The number of waiting
// letters is bounded by the fetch loop, as is everything unsettled. The owner is whoever holds settleLock.
type letterWriter struct {
	store      *letterStore
	stall      *stallDetector
	background *background
	ordered    bool // the loop keeps the order of keys
	inOrder    bool // the source settles each partition in order: what follows a letter in its partition waits
	floor      bool // the source stores one position, before which everything is settled

	// The settler's, set by newSettler.
	batches *batchSettler
	size    int            // of a batch
	wake    func()         // makes the settler's goroutine settle the written batch
	written chan *settling // of capacity 1: the writing goroutine never waits

	waiting []*flight             // in the order in which they ended
	keys    map[string]keyLetters // by ordering key or partition; nil until one has a letter
	writing bool                  // a batch is on its way to written
}

// keyLetters describes the transactions of one ordering key that wait for a letter.
type keyLetters struct {
	n     int
	began instant // of the first: a transaction that began earlier does not wait for it
}

// setAside moves the transactions of batch that must wait for a letter to waiting, and returns the rest in the memory of batch.
//
// If the source stores one position, every transaction after a letter waits: the position cannot move past the letter, and fetching
// pauses if the letter cannot be written.
func (l *letterWriter) setAside(batch []*flight) (rest []*flight) {
	if l.floor && (l.busy() || slices.ContainsFunc(batch, isDead)) {
		l.waiting = append(l.waiting, batch...)
		return batch[:0]
	}
	if len(l.keys) == 0 && !slices.ContainsFunc(batch, isDead) {
		return batch
	}
	for _, f := range batch { // before any test of follows: several workers end flights, so a key is not in order in a batch
		if isDead(f) {
			l.enter(f)
		}
	}
	rest = batch[:0]
	for _, f := range batch {
		switch dead := isDead(f); {
		case !dead && !l.follows(f):
			rest = append(rest, f)
			continue
		case !dead:
			l.enter(f)
		}
		l.waiting = append(l.waiting, f)
	}
	return rest
}

// isDead reports whether a letter of f is still to be written.
func isDead(f *flight) bool { return f.verdict.dead && !f.verdict.written }

// lane returns within what f keeps its order, if it does: its partition, or its ordering key.
func (l *letterWriter) lane(f *flight) (name string, ordered bool) {
	if l.inOrder {
		return f.held.window.partition, true
	}
	key := f.tx.OrderingKey()
	return key, l.ordered && key != ""
}

// enter makes later transactions of f's ordering key wait.
func (l *letterWriter) enter(f *flight) {
	lane, ordered := l.lane(f)
	if !ordered {
		return
	}
	if l.keys == nil {
		l.keys = map[string]keyLetters{}
	}
	of, waits := l.keys[lane]
	if !waits || f.began < of.began {
		of.began = f.began
	}
	of.n++
	l.keys[lane] = of
}

// leave undoes enter. It is called before f is settled, also for flights without a key.
func (l *letterWriter) leave(f *flight) {
	lane, _ := l.lane(f)
	of, waits := l.keys[lane]
	of.n--
	if of.n > 0 {
		l.keys[lane] = of
	} else if waits {
		delete(l.keys, lane)
	}
}

// follows reports whether f must wait, because an earlier transaction of its ordering key, or one of its partition, waits for a letter.
func (l *letterWriter) follows(f *flight) bool {
	lane, _ := l.lane(f)
	of, waits := l.keys[lane]
	return waits && (l.inOrder || f.began >= of.began)
}

// settleWritten settles the batch that has been written, if there is one, and begins to write the next. It does not wait for a write.
func (l *letterWriter) settleWritten() {
	select {
	case done := <-l.written:
		l.writing = false
		for _, f := range done.batch { // it is settled before everything that ends from now on
			l.leave(f)
		}
		l.begin()
		done.settle()
	default:
		l.begin()
	}
}

// begin starts a goroutine that writes the next batch, unless one is being written.
func (l *letterWriter) begin() {
	if l.writing || len(l.waiting) == 0 {
		return
	}
	l.writing = true
	n := min(l.size, len(l.waiting))
	s := l.batches.begin(l.background.ctx, slices.Clone(l.waiting[:n]))
	l.waiting = slices.Delete(l.waiting, 0, n)
	l.stall.writing.Store(int64(s.began.After(l.stall.settle)))
	l.background.run(func(context.Context) {
		s.letterErr = errors.Join(l.store.readPayloads(s.batch), l.store.write(s.ctx, s.batch))
		l.stall.writing.Store(0)
		l.written <- s
		l.wake()
	})
}

// busy reports whether a transaction waits for a letter.
func (l *letterWriter) busy() bool { return l.writing || len(l.waiting) > 0 }
