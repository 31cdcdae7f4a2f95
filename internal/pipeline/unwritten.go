package pipeline

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// ErrUnwritten is returned by a loop that leaves transactions with their source because their dead letters could not be written.
var ErrUnwritten = errors.New("dead letters could not be written; their transactions stay with their source")

const (
	// maxUnwritten is how many transactions are known by id. Those beyond it get the longest delay.
	maxUnwritten = 10_000
	// forgetUnwritten is how long a transaction is shown after it is due: by then another worker has taken it.
	forgetUnwritten = 15 * time.Minute
)

// refusedDelay is the delay of a transaction whose letter was refused, by how often that was: 5 s, doubling to 10 min.
var refusedDelay = policy.Retry{ //nolint:gochecknoglobals // a constant
	Backoff: 5 * time.Second, BackoffMultiplier: 2, BackoffCap: 10 * time.Minute,
}

// unwritten are the transactions of a loop that failed permanently and whose dead letters are not written. Their source has them, and
// delivers them again. Safe for concurrent use; while there are none, nobody takes the lock. [S2]
type unwritten struct {
	known atomic.Int64 // the size of byID

	mu    sync.Mutex
	byID  map[string]*unwrittenLetter
	first string // the id that errors and snapshots name
}

// unwrittenLetter is a letter that a store has refused, or could not take.
type unwrittenLetter struct {
	err      error
	refusals int     // 0: the store takes nothing for now
	due      instant // when its transaction is delivered again, at the earliest
}

// refuse notes that the letter of a transaction was refused permanently, and returns the delay of its requeue.
func (u *unwritten) refuse(id string, err error, now instant) time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	l := u.letter(id)
	if l == nil {
		return refusedDelay.BackoffCap
	}
	l.refusals++
	delay := refusedDelay.Delay(l.refusals)
	l.err, l.due = err, now.After(delay)
	return delay
}

// fail notes that the store took no letter.
func (u *unwritten) fail(id string, err error, due instant) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if l := u.letter(id); l != nil {
		l.err, l.due = err, due
	}
}

// letter returns nil if too many are known. The caller holds the lock.
func (u *unwritten) letter(id string) *unwrittenLetter {
	l := u.byID[id]
	if l == nil && len(u.byID) < maxUnwritten {
		l = &unwrittenLetter{}
		if u.byID == nil {
			u.byID = map[string]*unwrittenLetter{}
		}
		u.byID[id] = l
		u.known.Store(int64(len(u.byID)))
		if u.first == "" {
			u.first = id
		}
	}
	return l
}

// settled forgets those of a batch that have ended in another way.
func (u *unwritten) settled(batch []*flight) {
	if u.known.Load() == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, f := range batch {
		if o := f.verdict.outcome; o != Requeued && o != Interrupted {
			u.forget(f.tx.ID())
		}
	}
}

func (u *unwritten) forget(id string) {
	delete(u.byID, id)
	u.known.Store(int64(len(u.byID)))
	if id == u.first {
		u.first = ""
		for other := range u.byID {
			u.first = other
			break
		}
	}
}

// clear forgets all: the source has nothing left.
func (u *unwritten) clear() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.byID, u.first = nil, ""
	u.known.Store(0)
}

// refused is the number of known transactions whose letters are refused permanently.
func (u *unwritten) refused() (n int64) {
	if u.known.Load() == 0 {
		return 0
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, l := range u.byID {
		if l.refusals > 0 {
			n++
		}
	}
	return n
}

// snapshot returns their number, and the id of one. It forgets those that another worker must have taken since.
func (u *unwritten) snapshot(now instant) (n int64, which string) {
	if u.known.Load() == 0 {
		return 0, ""
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, l := range u.byID {
		if now > l.due.After(forgetUnwritten) {
			u.forget(id)
		}
	}
	return int64(len(u.byID)), u.first
}

// err names one transaction that is left with its source; nil for none.
func (u *unwritten) err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.byID) == 0 {
		return nil
	}
	return unwrittenError(len(u.byID), u.first, u.byID[u.first].err)
}

func unwrittenError(n int, id string, err error) error {
	if n == 1 {
		return fmt.Errorf("%w: transaction %s: %w", ErrUnwritten, id, err)
	}
	return fmt.Errorf("%w: %d of them, one is transaction %s: %w", ErrUnwritten, n, id, err)
}
