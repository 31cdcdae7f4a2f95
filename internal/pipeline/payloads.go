package pipeline

import (
	"encoding/json"
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
	// maxReaders bounds how many goroutines read payloads where no attempt runs, those that hang in one included.
	maxReaders = 4
	// readWithin is how long each of the methods of one payload may take there.
	readWithin = time.Second
)

// errReaders keeps payloads that hang from being read by ever more goroutines.
var errReaders = errors.New("the payload was not read, because the methods of others have not returned")

// payloads reads what transactions hold to have it written elsewhere. Its methods (Clone, MarshalJSON) are not ours, so it is done
// on a goroutine for each batch, which is left behind in a payload that hangs: that counts as an abandoned attempt does [T2].
type payloads struct {
	consumer *Consumer
	readers  chan struct{} // holds one for each
}

func newPayloads(c *Consumer) payloads {
	return payloads{consumer: c, readers: make(chan struct{}, maxReaders)}
}

// payload is what was read: the payload as a dead letter holds it, or a description where a method has failed.
type payload struct {
	value    any
	encoding deadletter.Encoding
	err      error // it was not read
	// unencoded is set where what encodes it does not return, so that it can still be described.
	unencoded bool
}

// read returns the payload of each transaction.
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

// readSome returns the payloads of the first of txs, one at least; nil where no reader is free.
func (p *payloads) readSome(txs []ergon.Transaction, describe bool) []payload {
	select {
	case p.readers <- struct{}{}:
	default:
		return nil
	}
	r := &reader{payloads: p, txs: txs, describes: describe, moved: make(chan struct{}, 1)}
	go r.run()
	return r.wait()
}

// What a reader does.
const (
	copies       int32 = iota // Clone
	encodes                   // MarshalJSON
	encodesBytes              // nothing but our own, which takes as long as there are bytes
)

// reader is a goroutine that reads payloads.
type reader struct {
	*payloads

	txs       []ergon.Transaction
	describes bool          // because what encodes it has not returned
	stage     atomic.Int32  // of the one that is read
	moved     chan struct{} // it has read one, or has ended

	mu    sync.Mutex
	done  []payload
	ended bool
	left  bool // nobody waits for it any more
}

func (r *reader) run() {
	defer r.end()
	for _, tx := range r.txs {
		if !r.add(r.readOne(tx)) {
			return
		}
	}
}

func (r *reader) at(stage int32) { r.stage.Store(stage) }

// add reports whether somebody waits for more.
func (r *reader) add(got payload) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.left {
		r.done = append(r.done, got)
		signal(r.moved)
	}
	return !r.left
}

// end is deferred, so that it also runs where a payload ends the goroutine.
func (r *reader) end() {
	r.mu.Lock()
	if !r.left && len(r.done) < len(r.txs) {
		r.done = append(r.done, r.noReturn(foreign.Crash(nil, nil)))
	}
	r.ended = true
	left := r.left
	r.mu.Unlock()
	signal(r.moved)
	<-r.readers
	if left {
		r.consumer.stats.abandoned.Add(-1)
		signal(r.consumer.headroomFreed)
	}
}

// noReturn is what there is of a payload that the reader has not come back from.
func (r *reader) noReturn(why error) payload {
	got := noteOf(nil, why)
	got.unencoded = !r.describes && r.stage.Load() == encodes
	return got
}

// wait returns what the reader has read, up to a payload that it does not come back from in time, or that has ended it.
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
		r.mu.Lock()
		n, over := len(r.done), r.ended || len(r.done) == len(r.txs)
		switch {
		case over || !expired || n > seen:
		case r.stage.Load() == encodesBytes:
			timer.Reset(readWithin)
		default:
			r.left = true
			r.done, over = append(r.done, r.noReturn(errUnread)), true
			r.consumer.stats.abandoned.Add(1)
		}
		done := r.done
		r.mu.Unlock()
		if over {
			return done
		}
		if n > seen {
			seen = n
			timer.Reset(readWithin)
		}
	}
}

var errUnread = fmt.Errorf("a method of the payload has not returned within %s", readWithin)

// readOne encodes the payload of a transaction. Where that panics, it is described.
func (r *reader) readOne(tx ergon.Transaction) (got payload) {
	var value any
	defer func() {
		if p := recover(); p != nil {
			got = noteOf(value, foreign.Crash(p, debug.Stack()))
		}
	}()
	r.at(copies)
	value = tx.Payload()
	switch value.(type) {
	case nil, string, []byte, json.RawMessage:
		r.at(encodesBytes)
	default:
		r.at(encodes)
	}
	if r.describes {
		got.value, got.encoding = deadletter.DescribePayload(value)
		return got
	}
	got.value, got.encoding = deadletter.EncodePayload(value)
	return got
}

// noteOf describes a payload whose methods have failed; a value that was copied is described by what it holds.
func noteOf(value any, why error) (got payload) {
	defer func() {
		if p := recover(); p != nil {
			got = payload{value: "a payload that could not be read: " + why.Error(), encoding: deadletter.EncodingDescribed}
		}
	}()
	if value == nil {
		return payload{value: "a payload that could not be read: " + why.Error(), encoding: deadletter.EncodingDescribed}
	}
	described, encoding := deadletter.DescribePayload(value)
	return payload{value: described, encoding: encoding}
}
