package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
)

const (
	// mostReaders bounds how many goroutines read payloads where no attempt runs, those that hang in one included.
	mostReaders = 4
	// readWithin is how long the methods of one payload may take there.
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
	return payloads{consumer: c, readers: make(chan struct{}, mostReaders)}
}

// payload is what was read: the value, or a note in its place where a method has failed.
type payload struct {
	value any
	err   error // it was not read
}

// read returns the payload of each transaction.
func (p *payloads) read(txs []ergon.Transaction) []payload {
	all := make([]payload, 0, len(txs))
	for len(all) < len(txs) {
		rest := txs[len(all):]
		select {
		case p.readers <- struct{}{}:
			r := &reader{payloads: p, txs: rest, moved: make(chan struct{}, 1)}
			go r.run()
			all = append(all, r.wait()...)
		default:
			for range rest {
				all = append(all, payload{err: errReaders})
			}
		}
	}
	return all
}

// reader is a goroutine that reads payloads.
type reader struct {
	*payloads

	txs   []ergon.Transaction
	moved chan struct{} // it has read one, or has ended

	mu    sync.Mutex
	done  []payload
	ended bool
	left  bool // nobody waits for it any more
}

func (r *reader) run() {
	defer r.end()
	for _, tx := range r.txs {
		if !r.add(readOne(tx)) {
			return
		}
	}
}

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
		r.done = append(r.done, noteOf(nil, errGoexit))
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
		if !over && expired && n == seen {
			r.left = true
			r.done, over = append(r.done, noteOf(nil, errUnread)), true
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

func readOne(tx ergon.Transaction) (got payload) {
	var value any
	defer func() {
		if p := recover(); p != nil {
			got = noteOf(value, newCrash(p, debug.Stack()))
		}
	}()
	value = readable(tx.Payload())
	switch value.(type) {
	case nil, string, []byte, json.RawMessage, bool, int, int64, float64:
	default:
		_, _ = json.Marshal(value) // whether it can be; what it says is for the store to say again
	}
	return payload{value: value}
}

// unread stands in a dead letter for a payload whose methods have failed.
type unread struct {
	Type string `json:"unreadable_type,omitempty"`
	Why  string `json:"why"`
}

func noteOf(value any, why error) payload {
	note := unread{Why: why.Error()}
	if value != nil {
		note.Type = fmt.Sprintf("%T", value)
	}
	return payload{value: note}
}
