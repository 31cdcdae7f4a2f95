package observe

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

const (
	// Capacity is the maximum number of transactions in a recorder that succeeded at the first attempt, and of all others.
	Capacity = 512
	// maxAttempts is how many attempts of one transaction are kept.
	maxAttempts = 40
	// What is longer is cut.
	maxError    = 1 << 10
	maxPayload  = 16 << 10
	maxMetadata = 32
)

// Recorder keeps the last transactions. Its methods are safe for concurrent use. A nil Recorder records nothing.
type Recorder struct {
	payloads  bool
	allowance atomic.Int64 // successes that may still be recorded; read for every transaction, written only while somebody watches
	_         [56]byte

	mu        sync.Mutex
	seq       uint64
	successes ring // at the first attempt
	failures  ring // any other
}

// NewRecorder returns a recorder. It keeps payloads only if payloads is set, because they may be confidential.
func NewRecorder(payloads bool) *Recorder { return &Recorder{payloads: payloads} }

// KeepsPayloads reports whether the recorder keeps payloads.
func (r *Recorder) KeepsPayloads() bool { return r != nil && r.payloads }

// Watch allows the recorder to record this number of further transactions that succeed at the first attempt. It replaces the
// number of an earlier call. A viewer calls it periodically; 0 means that there is no viewer.
func (r *Recorder) Watch(successes int) {
	if r != nil {
		r.allowance.Store(int64(successes))
	}
}

// Watched reports whether successes may be recorded.
func (r *Recorder) Watched() bool { return r != nil && r.allowance.Load() > 0 }

// Wants reports whether to record a transaction that has not failed so far. If so, the transaction counts against the number of
// Watch.
func (r *Recorder) Wants() bool { return r.allowance.Load() > 0 && r.allowance.Add(-1) >= 0 }

// Add keeps a transaction and numbers it. Long texts are truncated.
func (r *Recorder) Add(t Transaction) {
	if r == nil {
		return
	}
	t = bounded(t)
	if !r.payloads {
		t.Payload = ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	t.Seq = r.seq
	if t.succeededAtFirst() {
		r.successes.add(t)
	} else {
		r.failures.add(t)
	}
}

// Find returns the transaction with that number, if it is still kept.
func (r *Recorder) Find(seq uint64) (Transaction, bool) {
	for t := range r.backward(0) {
		if t.Seq == seq {
			return t, true
		}
	}
	return Transaction{}, false
}

// Since returns the transactions that were kept after the one with that number, the oldest first. If there are more than limit,
// it returns the latest.
func (r *Recorder) Since(seq uint64, limit int) []Transaction {
	var since []Transaction
	for t := range r.backward(seq) {
		if len(since) == limit {
			break
		}
		since = append(since, t)
	}
	for i, j := 0, len(since)-1; i < j; i, j = i+1, j-1 {
		since[i], since[j] = since[j], since[i]
	}
	return since
}

// succeededAtFirst reports whether each phase succeeded at its first attempt.
func (t Transaction) succeededAtFirst() bool {
	for _, a := range t.Attempts {
		if !a.OK() {
			return false
		}
	}
	return t.Error == ""
}

func bounded(t Transaction) Transaction {
	t.Error, t.Payload = cut(t.Error, maxError), cut(t.Payload, maxPayload)
	if over := len(t.Attempts) - maxAttempts; over > 0 {
		t.Attempts, t.Omitted = t.Attempts[over:], t.Omitted+over
	}
	for i := range t.Attempts {
		t.Attempts[i].Error = cut(t.Attempts[i].Error, maxError)
	}
	if len(t.Metadata) > 0 {
		kept := make(map[string]string, min(len(t.Metadata), maxMetadata))
		for key, value := range maps.All(t.Metadata) {
			if len(kept) < maxMetadata {
				kept[cut(key, maxError)] = cut(value, maxError)
			}
		}
		t.Metadata = kept
	}
	return t
}

// cut shortens a text without breaking a letter.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.Clone(text[:most]) + "…" // so that the rest is not kept
}
