package pipeline

import (
	"errors"
	"slices"
)

// letterWriter has dead letters written beside the settler, so that nobody else's settlement waits for their store: one
// batch of them at a time, on a goroutine that ends with it. A transaction with a letter is settled once that is written, and what
// follows it in its ordering key not before it. How much may wait is bounded as all that is unsettled is, by the fetch loop; a
// write has the limits of the settle policy, and ends with the loop. Whoever holds settleLock owns the writer. [S2]
type letterWriter struct {
	consumer *Consumer
	waiting  []*flight             // in the order in which they ended
	keys     map[string]keyLetters // of ordering keys; nil where the loop keeps no order
	underWay bool
	written  chan *settling // holds the batch that is written
}

// keyLetters is what of an ordering key is not settled because of a letter.
type keyLetters struct {
	n     int
	began instant // when the first of it did: what began before that does not follow it
}

func newLetterWriter(c *Consumer) *letterWriter {
	return &letterWriter{consumer: c, written: make(chan *settling, 1)}
}

// setAside takes what is to wait for a letter out of batch, whose memory it uses, and returns the rest.
//
// A source that remembers no more than up to where everything is settled gains nothing by what is settled beyond a letter: there
// all of it waits, so that fetching pauses behind a letter that cannot be written.
func (l *letterWriter) setAside(batch []*flight) (rest []*flight) {
	if l.consumer.keepsFloor && (l.busy() || slices.ContainsFunc(batch, isDead)) {
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
	if !l.consumer.order.on || f.tx.OrderingKey() == "" {
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

// goOn settles the batch that is written, if one is, and begins the next.
func (l *letterWriter) goOn() {
	select {
	case done := <-l.written:
		l.underWay = false
		for _, f := range done.batch { // which are settled before anything that ends from now on
			l.leave(f)
		}
		l.begin()
		done.settle()
	default:
		l.begin()
	}
}

// begin has the next batch written, where none is under way.
func (l *letterWriter) begin() {
	if l.underWay || len(l.waiting) == 0 {
		return
	}
	l.underWay = true
	c := l.consumer
	n := min(c.settler.size, len(l.waiting))
	s := c.beginSettling(c.background, slices.Clone(l.waiting[:n]))
	l.waiting = slices.Delete(l.waiting, 0, n)
	c.stall.writing.Store(int64(s.began.After(c.stall.settle)))
	c.helpers.Go(func() {
		s.lost = errors.Join(c.readDead(s.batch), c.writeDeadLetters(s.ctx, s.batch))
		c.stall.writing.Store(0)
		l.written <- s
		c.settler.call()
	})
}

// busy reports whether something waits for a letter.
func (l *letterWriter) busy() bool { return l.underWay || len(l.waiting) > 0 }
