package pipeline

import (
	"sync"
	"sync/atomic"
)

// order holds back transactions whose ordering key is in flight already, if the source does not. Only the first of a key goes to the
// pool; whoever ends it runs the next. The others of a key stay held while its first is held over a requeue.
type order struct {
	on    bool
	count atomic.Int64 // how many are held back; changed under mu
	// unstarted is the number of transactions that are held over a requeue and have not started again: they count as fetched, but not
	// against a limit.
	unstarted atomic.Int64
	mu        sync.Mutex
	held      map[string][]*flight // by the keys in flight
}

// ready returns those of flights that may run now and holds back the others.
func (o *order) ready(flights []*flight) []*flight {
	if !o.on {
		return flights
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	ready := flights[:0]
	for _, f := range flights {
		key := f.tx.OrderingKey()
		if key == "" {
			ready = append(ready, f)
			continue
		}
		held, busy := o.held[key]
		if busy {
			o.held[key] = append(held, f)
			o.count.Add(1)
			continue
		}
		o.held[key] = nil
		ready = append(ready, f)
	}
	return ready
}

// successor returns the next of the key of f, which has ended; nil for none.
func (o *order) successor(f *flight) *flight {
	if !o.on {
		return nil
	}
	key := f.tx.OrderingKey()
	if key == "" {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	held := o.held[key]
	if len(held) == 0 {
		delete(o.held, key)
		return nil
	}
	o.held[key] = held[1:]
	o.count.Add(-1)
	return held[0]
}

// takeBehind removes what f holds back: f is requeued at its source, and so is that. The next of its key runs at once.
func (o *order) takeBehind(f *flight) []*flight {
	key := f.tx.OrderingKey()
	if key == "" {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	behind := o.held[key]
	delete(o.held, key)
	o.count.Add(-int64(len(behind)))
	return behind
}

// takeSome removes the flights of a set from what is held back.
func (o *order) takeSome(set map[*flight]bool) (taken []*flight) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, held := range o.held {
		rest, some := part(held, set)
		o.held[key] = rest
		taken = append(taken, some...)
	}
	o.count.Add(-int64(len(taken)))
	return taken
}

// takeHeld removes everything that is held back.
func (o *order) takeHeld() []*flight {
	o.mu.Lock()
	defer o.mu.Unlock()
	var taken []*flight
	for key, held := range o.held {
		taken = append(taken, held...)
		o.held[key] = nil
	}
	o.count.Store(0)
	return taken
}
