package pipeline

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/foreign"
)

const (
	// maxReaders bounds the goroutines that read payloads outside of attempts, those that hang included [F1].
	maxReaders = 4
	// readWithin bounds each method of one payload [F1].
	readWithin = time.Second
)

var (
	// errReaders keeps payloads that hang from being read by ever more goroutines.
	errReaders = errors.New("the payload was not read, because the methods of others have not returned")
	errUnread  = fmt.Errorf("a method of the payload has not returned within %s", readWithin)
)

// payloads encodes payloads for dead letters, outside of attempts. Their methods (Clone, MarshalJSON) are not ours, so each batch is
// read on a goroutine of its own. One that hangs is abandoned and counts as an abandoned attempt [T2].
type payloads struct {
	readers  chan struct{} // holds one for each reader
	headroom *headroom
}

func newPayloads(h *headroom) payloads {
	return payloads{readers: make(chan struct{}, maxReaders), headroom: h}
}

// payload is what was read: the payload as a dead letter has it, or a description if a method has failed.
type payload struct {
	value     any
	encoding  deadletter.Encoding
	err       error // it was not read
	unencoded bool  // MarshalJSON does not return, so the payload can still be described
}

// read returns the payload of each transaction. It takes readWithin at most for each method that hangs.
func (p *payloads) read(txs []ergon.Transaction) []payload {
	all := make([]payload, 0, len(txs))
	for len(all) < len(txs) {
		rest := txs[len(all):]
		got := p.readSome(rest, false)
		if got == nil {
			for range rest {
				all = append(all, payload{err: errReaders})
			}
			return all
		}
		all = append(all, got...)
		if last := &all[len(all)-1]; last.unencoded {
			if described := p.readSome(rest[len(got)-1:len(got)], true); described != nil {
				*last = described[0]
			}
		}
	}
	return all
}

// readSome returns the payloads of the first of txs, one at least; nil if no reader is free.
func (p *payloads) readSome(txs []ergon.Transaction, describe bool) []payload {
	select {
	case p.readers <- struct{}{}:
	default:
		return nil
	}
	r := &reader{payloads: p, txs: txs, describe: describe, moved: make(chan struct{}, 1)}
	go r.run()
	return r.wait()
}

// Values of reader.stage: what it does with the current payload.
const (
	copies  int32 = iota // Clone
	encodes              // MarshalJSON
	plain                // calls no foreign code: takes as long as there are bytes, and is not bounded
)

// reader is a goroutine that reads payloads, and what whoever waits for it shares with it.
type reader struct {
	payloads *payloads
	txs      []ergon.Transaction
	describe bool          // instead of encoding, because MarshalJSON has not returned
	stage    atomic.Int32  // written by the reader, read by whoever waits
	moved    chan struct{} // it has read one, or has ended

	mu        sync.Mutex // guards what follows
	done      []payload
	ended     bool // the goroutine
	abandoned bool // nobody waits for it any more
}

func (r *reader) run() {
	defer r.end()
	for _, tx := range r.txs {
		if !r.add(r.readOne(tx)) {
			return
		}
	}
}

// add reports whether somebody waits for more.
func (r *reader) add(got payload) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.abandoned {
		r.done = append(r.done, got)
		signal(r.moved)
	}
	return !r.abandoned
}

// end is deferred, so that it also runs if a payload ends the goroutine.
func (r *reader) end() {
	r.mu.Lock()
	if !r.abandoned && len(r.done) < len(r.txs) {
		r.done = append(r.done, r.unread(foreign.Crash(nil, nil)))
	}
	r.ended = true
	abandoned := r.abandoned
	r.mu.Unlock()
	signal(r.moved)
	<-r.payloads.readers
	if abandoned {
		r.payloads.headroom.returned()
	}
}

// unread stands for a payload whose method did not return.
func (r *reader) unread(why error) payload {
	got := describe(nil, why)
	got.unencoded = !r.describe && r.stage.Load() == encodes
	return got
}

// wait returns what the reader has read, up to a payload that hangs or that has ended the goroutine.
func (r *reader) wait() []payload {
	timer := time.NewTimer(readWithin)
	defer timer.Stop()
	for seen := 0; ; {
		expired := false
		select {
		case <-r.moved:
		case <-timer.C:
			expired = true
		}
		n, done := r.look(expired, seen)
		if done != nil {
			return done
		}
		if n > seen || expired {
			seen = n
			timer.Reset(readWithin)
		}
	}
}

// look returns how many payloads are read, and all that will be read once there are no more. If the bound of the current one has
// expired and seen are read as before, the reader is abandoned.
func (r *reader) look(expired bool, seen int) (n int, all []payload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = len(r.done)
	switch {
	case r.ended || n == len(r.txs):
		return n, r.done
	case expired && n == seen && r.stage.Load() != plain:
		r.abandoned = true
		r.payloads.headroom.giveUp()
		r.done = append(r.done, r.unread(errUnread))
		return n, r.done
	default:
		return n, nil
	}
}

// readOne encodes the payload of a transaction, or describes it if a method panics.
func (r *reader) readOne(tx ergon.Transaction) (got payload) {
	var value any
	defer func() {
		if p := recover(); p != nil {
			got = describe(value, foreign.Crash(p, debug.Stack()))
		}
	}()
	foreignMethods := tx.PayloadCallsMethods()
	r.begin(foreignMethods, copies)
	value = tx.Payload()
	r.begin(foreignMethods, encodes)
	if r.describe {
		got.value, got.encoding = deadletter.DescribePayload(value)
		return got
	}
	got.value, got.encoding = deadletter.EncodePayload(value)
	return got
}

// begin notes what the reader does next. Without foreign methods nothing that it does is bounded.
func (r *reader) begin(foreignMethods bool, stage int32) {
	if !foreignMethods {
		stage = plain
	}
	r.stage.Store(stage)
}

// describe describes a payload whose methods have failed, by its fields if it could be copied.
func describe(value any, why error) (got payload) {
	unread := payload{value: "a payload that could not be read: " + why.Error(), encoding: deadletter.EncodingDescribed}
	defer func() {
		if p := recover(); p != nil {
			got = unread
		}
	}()
	if value == nil {
		return unread
	}
	described, encoding := deadletter.DescribePayload(value)
	return payload{value: described, encoding: encoding}
}
