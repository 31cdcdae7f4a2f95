package pipeline

import "sync/atomic"

// chunkSize is how many flights a worker takes at once. They are its own only while it gets on with them: what lies still
// is taken by others.
const chunkSize = 8

// chunk is a part of what one fetch brought, handed out by a cursor: mostly to the worker that took the chunk, so that its
// memory stays with one processor.
type chunk struct {
	flights []*flight
	cursor  atomic.Int64
	seen    int64 // where the cursor was when the pool looked the last time; under its lock
	_       [24]byte
}

// claim takes the next flight, and says whether others are left.
func (b *chunk) claim() (f *flight, more bool) {
	n := int64(len(b.flights))
	if b.cursor.Load() >= n {
		return nil, false
	}
	i := b.cursor.Add(1)
	if i > n {
		return nil, false
	}
	return b.flights[i-1], i < n
}

// claimStalled takes the next flight where the cursor is still where it was when the pool looked the last time.
func (b *chunk) claimStalled() *flight {
	at := b.cursor.Load()
	if at != b.seen {
		b.seen = at
		return nil
	}
	b.seen = at + 1
	f, _ := b.claim()
	return f
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
