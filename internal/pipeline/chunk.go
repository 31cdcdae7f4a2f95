package pipeline

import "sync/atomic"

// chunkSize is how many flights a worker takes at most of what it did not fetch itself.
const chunkSize = 8

// chunk is flights in a row, handed out by a cursor: mostly to the worker that the chunk belongs to, so that their memory
// stays with one processor. It is that worker's only while it gets on with it: others take from an idle chunk, or when
// they have nothing else to do.
type chunk struct {
	flights []*flight
	cursor  atomic.Int64
	seen    int64 // where the cursor was when the pool looked the last time; under its lock
	_       [24]byte
}

// claim takes the next flight, and says whether others are left. Nil is an empty chunk.
func (b *chunk) claim() (f *flight, more bool) {
	if b == nil {
		return nil, false
	}
	if taken := b.take(1); len(taken) > 0 {
		return taken[0], b.left() > 0
	}
	return nil, false
}

// take takes the next flights, at most so many.
func (b *chunk) take(most int64) []*flight {
	n := int64(len(b.flights))
	for {
		at := b.cursor.Load()
		if at >= n {
			return nil
		}
		end := min(at+most, n)
		if b.cursor.CompareAndSwap(at, end) {
			return b.flights[at:end]
		}
	}
}

// split takes the first half of what is left, as a chunk of its own; nil where nothing is left. The pool's lock is held.
func (b *chunk) split() *chunk {
	taken := b.take(min(chunkSize, int64(b.left()+1)/2))
	if len(taken) == 0 {
		return nil
	}
	b.seen = b.cursor.Load()
	return &chunk{flights: taken}
}

// idle reports whether the cursor is where it was when the pool looked the last time, what it took by split aside. The
// pool's lock is held.
func (b *chunk) idle() bool {
	at := b.cursor.Load()
	same := at == b.seen
	b.seen = at
	return same
}

func (b *chunk) left() int { return max(len(b.flights)-int(b.cursor.Load()), 0) }

func chunksOf(flights []*flight) []*chunk {
	n := (len(flights) + chunkSize - 1) / chunkSize
	memory, chunks := make([]chunk, n), make([]*chunk, n)
	for i := range chunks {
		c := &memory[i]
		c.flights = flights[i*chunkSize : min((i+1)*chunkSize, len(flights))]
		chunks[i] = c
	}
	return chunks
}
