package pipeline

import "sync/atomic"

// chunkSize is the number of flights that a worker takes at once of those that it did not fetch itself; decision 0043.
const chunkSize = 8

// chunk is consecutive flights, handed out by a cursor: mostly to the worker that took the chunk, so that their memory stays with one
// processor. Other workers take from it if it is idle, or if they have nothing else to do.
type chunk struct {
	flights []*flight    // never changed
	cursor  atomic.Int64 // the next of them; whoever moves it owns those in between
	seen    int64        // the cursor at the pool's last look; under the pool's lock
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

// take takes up to limit of the next flights.
func (b *chunk) take(limit int64) []*flight {
	n := int64(len(b.flights))
	for {
		at := b.cursor.Load()
		if at >= n {
			return nil
		}
		end := min(at+limit, n)
		if b.cursor.CompareAndSwap(at, end) {
			return b.flights[at:end]
		}
	}
}

// split takes the first half of what is left as a new chunk; nil if nothing is left. The pool's lock is held.
func (b *chunk) split() *chunk {
	taken := b.take(min(chunkSize, int64(b.left()+1)/2))
	if len(taken) == 0 {
		return nil
	}
	b.seen = b.cursor.Load()
	return &chunk{flights: taken}
}

// idle reports whether no worker has claimed a flight since the pool's last look. A split does not count. The pool's lock is held.
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
