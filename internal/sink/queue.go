// Package sink hands what is told, log lines or ended spans say, to code that is not ours. That may panic, hang or be slow, and
// nobody who has something to tell depends on it: each sink has a queue that is bounded and one goroutine that empties it.
package sink

import (
	"sync"
	"time"
)

// Queue hands things to one sink, one after the other and in order, on a goroutine of its own that ends where nothing is left.
// What comes while the queue is full is dropped and counted. Safe for concurrent use.
type Queue[T any] struct {
	hand func(T)
	most int

	mu      sync.Mutex
	waiting []T
	next    int           // of waiting
	busy    bool          // the goroutine runs
	idle    chan struct{} // closed when it does not any more; nil while nobody waits for that
	handled int64         // things that the sink has come back from
	dropped int64         // since somebody asked
}

// NewQueue makes a queue of that many things at most. The sink's panics are taken for an answer.
func NewQueue[T any](most int, hand func(T)) *Queue[T] { return &Queue[T]{hand: hand, most: most} }

// Put reports whether there was room. It never waits.
func (q *Queue[T]) Put(thing T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting)-q.next >= q.most {
		q.dropped++
		return false
	}
	q.waiting = append(q.waiting, thing)
	if !q.busy {
		q.busy = true
		go q.run()
	}
	return true
}

// Dropped returns how many things were dropped since the last call.
func (q *Queue[T]) Dropped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.dropped
	q.dropped = 0
	return n
}

func (q *Queue[T]) run() {
	returned := false
	defer func() {
		if !returned { // the sink has ended the goroutine
			q.done()
			go q.run()
		}
	}()
	for thing, ok := q.take(); ok; thing, ok = q.take() {
		q.guarded(thing)
		q.done()
	}
	returned = true
}

func (q *Queue[T]) guarded(thing T) {
	defer func() { _ = recover() }()
	q.hand(thing)
}

func (q *Queue[T]) take() (thing T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next == len(q.waiting) {
		q.waiting, q.next, q.busy = nil, 0, false
		if q.idle != nil {
			close(q.idle)
			q.idle = nil
		}
		return thing, false
	}
	var none T
	thing, q.waiting[q.next] = q.waiting[q.next], none
	q.next++
	if q.next > q.most { // of a queue that never runs empty
		q.waiting, q.next = append([]T(nil), q.waiting[q.next:]...), 0
	}
	return thing, true
}

func (q *Queue[T]) done() {
	q.mu.Lock()
	q.handled++
	q.mu.Unlock()
}

// Flush waits until everything was handed over, as long as the sink gets on: for patience at most without a sign of that, for
// most in all, and not any more once force is closed. It returns how many are left.
func (q *Queue[T]) Flush(patience, most time.Duration, force <-chan struct{}) (left int) {
	end := time.NewTimer(most)
	defer end.Stop()
	for {
		idle, before := q.ended()
		if idle == nil {
			return 0
		}
		tick := time.NewTimer(patience)
		select {
		case <-idle:
		case <-tick.C:
			if n, now := q.left(); now == before {
				return n
			}
		case <-end.C:
			n, _ := q.left()
			return n
		case <-force:
			n, _ := q.left()
			return n
		}
		tick.Stop()
	}
}

// ended returns what is closed when nothing is left, nil where nothing is, and how many things have been handled.
func (q *Queue[T]) ended() (idle chan struct{}, handled int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.busy {
		return nil, q.handled
	}
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	return q.idle, q.handled
}

func (q *Queue[T]) left() (n int, handled int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = len(q.waiting) - q.next
	if q.busy {
		n++
	}
	return n, q.handled
}
