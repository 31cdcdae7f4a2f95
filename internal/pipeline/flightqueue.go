package pipeline

import (
	"slices"
	"sync/atomic"
)

// flightQueue holds the flights that no worker has claimed. The pool's lock guards it: all methods are called with it held. Only the
// three counters at the top are read without it, by workers that look for a flight.
type flightQueue struct {
	backlog   atomic.Int32          // flights in chunks
	dueCount  atomic.Int32          // flights in due
	idleChunk atomic.Pointer[chunk] // was idle at the last look: workers without a chunk take from it
	_         [64]byte              // between what is read for every flight and what is written for every chunk

	due    []*flight // have waited outside of the pool, and come before what is in chunks
	chunks []*chunk  // not taken yet, the oldest first
	open   []*chunk  // taken, the oldest first
}

// add queues flights. If a worker has fetched them, they are its next chunk, unless older ones wait.
func (q *flightQueue) add(flights []*flight, fetchedBy *worker) {
	if w := fetchedBy; w != nil && len(q.chunks) == 0 && (w.slot.Carried.chunk == nil || w.slot.Carried.chunk.left() == 0) {
		w.slot.Carried.chunk = &chunk{flights: flights}
		q.open = append(q.open, w.slot.Carried.chunk)
		return
	}
	q.chunks = append(q.chunks, chunksOf(flights)...)
	q.backlog.Add(int32(len(flights)))
}

func (q *flightQueue) addDue(flights []*flight) {
	q.due = append(q.due, flights...)
	q.dueCount.Store(int32(len(q.due)))
}

// nextDue takes the first of those that have waited.
func (q *flightQueue) nextDue(*worker) *flight {
	if len(q.due) == 0 {
		return nil
	}
	f := q.due[0]
	q.due[0] = nil
	q.due = q.due[1:]
	q.dueCount.Store(int32(len(q.due)))
	return f
}

func (q *flightQueue) takeDue() []*flight {
	due := q.due
	q.due = nil
	q.dueCount.Store(0)
	return due
}

// maxIdleChunks bounds the number of open chunks that a worker looks into before it takes a new one, and so the time under the lock.
const maxIdleChunks = 4

// next takes from an older chunk that is idle, or else the next chunk that has no worker. If transactions are short, w takes half of the
// idle chunk; otherwise one flight, and leaves the others to more workers. Decision 0043.
func (q *flightQueue) next(w *worker) *flight {
	q.open = slices.DeleteFunc(q.open, func(b *chunk) bool { return b.left() == 0 })
	for _, b := range q.open[:min(len(q.open), maxIdleChunks)] {
		if !b.idle() {
			continue
		}
		if w.short {
			return q.own(w, b.split())
		}
		q.idleChunk.Store(b)
		if f, _ := b.claim(); f != nil {
			return f
		}
	}
	if len(q.chunks) == 0 {
		return nil
	}
	b := q.chunks[0]
	q.chunks[0] = nil
	q.chunks = q.chunks[1:]
	q.backlog.Add(-int32(len(b.flights)))
	return q.own(w, b)
}

// steal takes a part of a chunk whose worker is not idle.
func (q *flightQueue) steal(w *worker) *flight {
	for _, b := range q.open {
		if f := q.own(w, b.split()); f != nil {
			return f
		}
	}
	return nil
}

// own makes b the worker's own, and claims its first flight. Nil is an empty chunk.
func (q *flightQueue) own(w *worker, b *chunk) *flight {
	if b == nil {
		return nil
	}
	w.slot.Carried.chunk = b
	q.open = append(q.open, b)
	f, _ := b.claim()
	return f
}

// takeSome takes the flights of a set, wherever they are.
func (q *flightQueue) takeSome(set map[*flight]bool) (taken []*flight) {
	q.due, taken = part(q.due, set)
	q.dueCount.Store(int32(len(q.due)))
	rest, more := part(q.takeAll(), set)
	if len(rest) > 0 {
		q.add(rest, nil)
	}
	return append(taken, more...)
}

// part takes the flights of a set out of flights, whose memory it uses for the rest.
func part(flights []*flight, set map[*flight]bool) (rest, taken []*flight) {
	rest = slices.DeleteFunc(flights, func(f *flight) bool {
		if set[f] {
			taken = append(taken, f)
		}
		return set[f]
	})
	return rest, taken
}

func (q *flightQueue) hasWork() bool {
	return len(q.due) > 0 || len(q.chunks) > 0 || slices.ContainsFunc(q.open, func(b *chunk) bool { return b.left() > 0 })
}

// takeAll takes every flight in chunks.
func (q *flightQueue) takeAll() []*flight {
	var taken []*flight
	for _, b := range append(q.open, q.chunks...) {
		for f, _ := b.claim(); f != nil; f, _ = b.claim() {
			taken = append(taken, f)
		}
	}
	q.open, q.chunks = nil, nil
	q.backlog.Store(0)
	return taken
}
