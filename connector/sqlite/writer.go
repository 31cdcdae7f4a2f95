package sqlite

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ergon-go/ergon/connector/sqlite/internal/failpoint"
)

// writer is the one connection of this process that writes to a file. Whoever calls while a commit is in progress joins the
// next one, so that a disk's confirmation is waited for once for all of them. There is no goroutine: one of the callers does
// it for all.
type writer struct {
	conn      *conn
	committed func(*tx)
	durable   func() error // whether what is committed will be found again; nil: it is
	turn      turn         // of the caller who leads
	commits   int64        // so far
	undone    error        // why the last transaction could not be rolled back

	mu      sync.Mutex
	waiting []*job
}

// job is what one caller wants written: all of it, or nothing.
type job struct {
	step string
	run  func(*tx) error // may be run again, from the start
	err  error
	done chan struct{} // closed once err is final
}

// tx is a transaction that is in progress.
type tx struct {
	*conn

	woken []int64 // the queues in which there may be something to claim once it is committed
}

// maxJobs bounds how long one commit keeps other processes waiting.
const maxJobs = 64

func newWriter(c *conn, committed func(*tx)) *writer {
	return &writer{conn: c, committed: committed, turn: newTurn()}
}

// write returns once the job is durable, or nothing of it is. A job that has begun when ctx ends is finished: that takes
// no longer than the disk does. Waiting for other processes ends with ctx, and after patience.
func (w *writer) write(ctx context.Context, patience time.Duration, j *job) error {
	j.done = make(chan struct{})
	w.mu.Lock()
	w.waiting = append(w.waiting, j)
	w.mu.Unlock()
	select {
	case w.turn <- struct{}{}:
		w.lead(ctx, patience, j)
		w.turn.end()
	case <-j.done:
	case <-ctx.Done():
		if w.withdraw(j) {
			return context.Cause(ctx)
		}
	}
	<-j.done
	return j.err
}

// lead does what waits, its own job included unless the leader before has done that.
func (w *writer) lead(ctx context.Context, patience time.Duration, own *job) {
	select {
	case <-own.done:
		return
	default:
	}
	if err := w.begin(ctx, patience); err != nil {
		w.notBegun(ctx, own, err)
		return
	}
	jobs := w.take(own)
	if err := w.commit(jobs); err == nil {
		w.confirm(jobs)
		return
	} else if len(jobs) == 1 {
		finish(jobs, err)
		return
	}
	// One of them failed, and took the others with it: each by itself, then.
	for _, j := range jobs {
		err := w.begin(context.WithoutCancel(ctx), patience)
		if err == nil {
			err = w.commit([]*job{j})
		}
		if err == nil {
			w.confirm([]*job{j})
			continue
		}
		finish([]*job{j}, err)
	}
}

// confirm ends jobs that are committed: what went into a file that nobody will find has failed.
func (w *writer) confirm(jobs []*job) {
	var err error
	if w.durable != nil {
		err = w.durable()
	}
	finish(jobs, err)
}

// notBegun fails all who wait, for whom the file is no better; where only the leader's time is up, the others continue.
func (w *writer) notBegun(ctx context.Context, own *job, err error) {
	if ctx.Err() != nil {
		w.withdraw(own)
		finish([]*job{own}, err)
		return
	}
	w.mu.Lock()
	jobs := w.waiting
	w.waiting = nil
	w.mu.Unlock()
	finish(jobs, err)
}

// take removes the jobs that are done together: those that came first, and the leader's own.
func (w *writer) take(own *job) []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.waiting), maxJobs)
	jobs := slices.Clone(w.waiting[:n])
	w.waiting = slices.Delete(w.waiting, 0, n)
	if at := slices.Index(w.waiting, own); at >= 0 {
		w.waiting = slices.Delete(w.waiting, at, at+1)
		jobs = append(jobs, own)
	}
	return jobs
}

// withdraw reports whether the job had not been taken.
func (w *writer) withdraw(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.Index(w.waiting, j)
	if at >= 0 {
		w.waiting = slices.Delete(w.waiting, at, at+1)
	}
	return at >= 0
}

func finish(jobs []*job, err error) {
	for _, j := range jobs {
		j.err = err
		close(j.done)
	}
}

// commit does jobs in the transaction that has begun. After an error nothing of them is there.
func (w *writer) commit(jobs []*job) error {
	t := &tx{conn: w.conn}
	err := t.do(jobs)
	if err == nil {
		_, err = t.exec("COMMIT")
	}
	if err != nil {
		w.rollBack()
		return errors.Join(err, w.undone)
	}
	for _, j := range jobs {
		failpoint.Hit(j.step, "committed")
	}
	w.commits++
	w.committed(t)
	return nil
}

// rollBack ends a transaction that failed, where SQLite has not done so by itself.
func (w *writer) rollBack() {
	_, w.undone = w.conn.exec("ROLLBACK")
	if codeOf(w.undone) == sqlite3.SQLITE_ERROR { // there is none
		w.undone = nil
	}
}

func (t *tx) do(jobs []*job) error {
	for _, j := range jobs {
		failpoint.Hit(j.step, "begun")
		if err := j.run(t); err != nil {
			return err
		}
		failpoint.Hit(j.step, "done")
	}
	return nil
}

const (
	shortestPause = 50 * time.Microsecond
	longestPause  = 5 * time.Millisecond
)

// begin takes the file's write lock. SQLite's locks have no queue: who waits has to ask again.
func (w *writer) begin(ctx context.Context, patience time.Duration) error {
	if w.undone != nil { // it has to be, before another can begin
		w.rollBack()
	}
	return retryBusy(ctx, patience, func() error {
		_, err := w.conn.exec("BEGIN IMMEDIATE")
		return err
	})
}

// retryBusy calls again, with a growing pause, while other processes keep the file locked.
func retryBusy(ctx context.Context, patience time.Duration, call func() error) error {
	giveUp := time.Now().Add(patience)
	for longest := shortestPause; ; longest = min(2*longest, longestPause) {
		err := call()
		if err == nil || !isBusy(err) || !time.Now().Before(giveUp) {
			return err
		}
		pause := time.NewTimer(longest/2 + rand.N(longest/2))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		}
	}
}

// exclusively has run use the connection between two transactions.
func (w *writer) exclusively(ctx context.Context, run func(*conn) error) error {
	if err := w.turn.begin(ctx); err != nil {
		return err
	}
	defer w.turn.end()
	return run(w.conn)
}

func (w *writer) close(ctx context.Context) error {
	return w.exclusively(ctx, (*conn).close)
}
