package pipeline

import (
	"runtime"
	"time"

	"github.com/ergon-go/ergon/internal/inline"
)

// tooSlow reports whether a worker must not make the next call of a kind: the last one took longer than it costs to hand a call over,
// its timeout is shorter than that, or workers are bound to threads, so that none can take the place of another.
func tooSlow(took instant, timeout time.Duration, pinned bool) bool {
	return took > instant(inline.HandOffAfter) || timeout <= inline.HandOffAfter || pinned
}

// fetchInline makes a worker fetch if the loop's goroutine waits for capacity and there is some, and reports whether it did. It continues
// while there are slots for which nothing is fetched. Whatever needs a decision is left to the loop's goroutine.
func (l *fetchLoop) fetchInline(w *worker) (did bool) {
	if l.slow.Load() || l.policy.Batch.Fill > 0 {
		l.capacity.notify()
		return false
	}
	more := true
	for more && l.capacity.awaited() && l.free() > 0 && (!did || l.capacity.idle()) && l.fetchLock.tryAcquire() {
		var fetches bool
		fetches, more = l.fetchNextInline(w)
		did = did || fetches
	}
	return did
}

// fetchNextInline makes w fetch, unless the loop's goroutine has to do so, and releases fetchLock. more reports whether w may continue.
func (l *fetchLoop) fetchNextInline(w *worker) (fetches, more bool) {
	n := l.ask()
	due := n > 0 && !l.pending() && l.capacity.awaited() && l.ctx.Err() == nil && !l.outage.lasts()
	wait := due && l.pace.untilNext(l.filling.next) > 0
	fetches = due && !wait
	if fetches {
		l.fetchBy(w, l.begin(n))
	}
	l.stall.fetching.Store(0)
	wake := wait || l.pending() || l.admission.spent()
	l.leave(wake)
	return fetches, due && !wake
}

// pending reports whether workers have left something to the loop's goroutine.
func (l *fetchLoop) pending() bool { return l.fetched != nil || l.started != nil }

// leave ends what a worker does here, and wakes the loop's goroutine if it has to continue.
func (l *fetchLoop) leave(wake bool) {
	l.fetchLock.release()
	if wake {
		signal(l.capacity.available)
	}
}

// fetchBy makes w fetch. A fetch that spans record is left to the loop's goroutine, and so is one that fails or is slow.
func (l *fetchLoop) fetchBy(w *worker, f *fetching) {
	if f.span.IsRecording() {
		l.started = f
		return
	}
	call := l.source.firstAttempt(f.ctx, f.asked)
	if runInline(w, call, func() {
		w.pool.replaceWorker(w)
		f.first.Store(call)
		l.started = f
		l.leave(true)
	}) {
		if got := l.finish(f, call.Result(), nil, w); !got.plain() {
			l.fetched = got
		}
		return
	}
	f.first.Store(call)
	l.started = f
}

// withEnding is n and what is about to end if a fetch takes long: it may as well bring more.
func (l *fetchLoop) withEnding(n int) int {
	if !l.slow.Load() {
		return n
	}
	for range maxYields {
		runtime.Gosched()
		more := l.ask()
		if more <= n {
			break
		}
		n = more
	}
	return n
}
