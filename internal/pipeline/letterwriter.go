package pipeline

import (
	"context"
	"errors"
	"slices"
)

// letterWriter writes dead letters beside the settler, so that no other settlement waits for their store: one batch of them at a time,
// on a goroutine that ends with it. A transaction with a letter is settled once that is written, and not before it what follows in its
// ordering key. The fetch loop bounds how many may wait, as it bounds all that is unsettled. A write has the limits of the settle policy,
// and ends with the loop. Whoever holds settleLock owns the writer. [S2]
type letterWriter struct {
	store      *letterStore
	stall      *stallDetector
	background *background
	ordered    bool // the loop keeps the order of keys
	floor      bool // the source remembers only up to where everything is settled

	// The settler's, set by newSettler.
	batches *batchSettler
	size    int            // of a batch
	wake    func()         // makes the settler's goroutine settle what is written
	written chan *settling // has room for one batch

	waiting []*flight             // in the order in which they ended
	keys    map[string]keyLetters // by ordering key; nil until one has a letter
	writing bool                  // a batch is on its way to written
}

// keyLetters is what of an ordering key is not settled because of a letter.
type keyLetters struct {
	n     int
	began instant // when the first of it did: what began before that does not follow it
}

// setAside takes what is to wait for a letter out of batch, whose memory it uses, and returns the rest.
//
// A source that remembers no more than up to where everything is settled gains nothing by what is settled beyond a letter: there
// all of it waits, so that fetching pauses behind a letter that cannot be written.
func (l *letterWriter) setAside(batch []*flight) (rest []*flight) {
	if l.floor && (l.busy() || slices.ContainsFunc(batch, isDead)) {
		l.waiting = append(l.waiting, batch...)
		return batch[:0]
	}
	if len(l.keys) == 0 && !slices.ContainsFunc(batch, isDead) {
		return batch
	}
	for _, f := range batch { // first, because those of one key are not in order where several workers ended them
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

func isDead(f *flight) bool { return f.verdict.dead }

// enter has what follows f wait as well.
func (l *letterWriter) enter(f *flight) {
	if !l.ordered || f.tx.OrderingKey() == "" {
		return
	}
	if l.keys == nil {
		l.keys = map[string]keyLetters{}
	}
	of, waits := l.keys[f.tx.OrderingKey()]
	if !waits || f.began < of.began {
		of.began = f.began
	}
	of.n++
	l.keys[f.tx.OrderingKey()] = of
}

// leave is called for what entered and is about to be settled.
func (l *letterWriter) leave(f *flight) {
	of, waits := l.keys[f.tx.OrderingKey()]
	of.n--
	if of.n > 0 {
		l.keys[f.tx.OrderingKey()] = of
	} else if waits {
		delete(l.keys, f.tx.OrderingKey())
	}
}

// follows reports whether f came after something of its ordering key that is not settled because of a letter.
func (l *letterWriter) follows(f *flight) bool {
	of, waits := l.keys[f.tx.OrderingKey()]
	return waits && f.began >= of.began
}

// settleWritten settles the batch that is written, if one is, and begins to write the next.
func (l *letterWriter) settleWritten() {
	select {
	case done := <-l.written:
		l.writing = false
		for _, f := range done.batch { // which is settled before anything that ends from now on
			l.leave(f)
		}
		l.begin()
		done.settle()
	default:
		l.begin()
	}
}

// begin begins to write the next batch, unless one is being written.
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

// busy reports whether something waits for a letter.
func (l *letterWriter) busy() bool { return l.writing || len(l.waiting) > 0 }
