package pipeline

import (
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// maxSpare bounds how many batches are kept to be used again.
const maxSpare = 64

// flightBatch is the memory of the flights of one fetch. It is used again once all of them are settled. An attempt's context may
// outlive that, so contexts read nothing of a flight except what never changes.
type flightBatch struct {
	loop    *inherited
	flights []flight
	left    int // not settled yet; the settler's
}

// flightMemory hands out memory for flights.
type flightMemory struct {
	loop *inherited
	once bool // it is not used again: an extension of leases may be looking at flights that are settled

	mu    sync.Mutex
	spare []*flightBatch
}

// newFlights makes a flight of each transaction.
func (p *flightMemory) newFlights(txs []ergon.Transaction) []*flight {
	s := p.get(len(txs))
	flights := make([]*flight, len(txs))
	for i := range txs {
		f := &s.flights[i]
		f.tx, f.state = &txs[i], lifecycle.Start()
		flights[i] = f
	}
	s.left = len(txs)
	return flights
}

func (p *flightMemory) get(n int) *flightBatch {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, s := range slices.Backward(p.spare) { // the last is likely to be with this processor still
		if len(s.flights) >= n {
			p.spare = slices.Delete(p.spare, i, i+1)
			return s
		}
	}
	s := &flightBatch{loop: p.loop, flights: make([]flight, n)}
	for i := range s.flights {
		s.flights[i].home = s
	}
	return s
}

// done returns a settled flight to its memory.
func (p *flightMemory) done(f *flight) {
	s := f.home
	f.reset()
	s.left--
	if s.left > 0 || p.once {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.spare) < maxSpare {
		p.spare = append(p.spare, s)
	}
}

// reset forgets everything but home, which contexts that outlive the flight still read.
func (f *flight) reset() {
	f.tx, f.result, f.failure, f.extras, f.next = nil, nil, nil, nil, nil
	f.held = nil
	f.deadline, f.began, f.started, f.due, f.heldSince, f.attempts = 0, 0, 0, 0, 0, 0
	if f.lost.Load() {
		f.lost.Store(false)
	}
}
