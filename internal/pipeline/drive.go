package pipeline

import "github.com/ergon-go/ergon/internal/lifecycle"

// run drives f, and then what its ordering key held back; false means that a flight was taken over.
func (w *worker) run(f *flight) bool {
	if f.due != 0 {
		return w.comeBack(f)
	}
	w.begin(f)
	return w.drive(f, lifecycle.Run)
}

// resume goes on with a flight of another worker: by the action that w was made with, or with the call that the other was busy with.
func (w *worker) resume(f *flight) bool {
	c := w.consumer
	action := w.action
	if w.unprepared.preparation != nil {
		event, owned := w.callHandler(f, w.unprepared.inbound)
		if !owned {
			return false
		}
		action = c.plan.step(f, event)
	}
	return w.drive(f, action)
}

func (w *worker) begin(f *flight) {
	c := w.consumer
	w.shard.started.Add(1)
	f.began = w.instant()
	if t := c.plan.total; t > 0 {
		f.deadline = f.began.After(t)
	}
	c.limiter.begin(f)
	if c.watcher.tracing {
		t := f.needAside()
		t.ctx, t.span = c.watcher.transactionStarted(f.tx, t.fetched)
	}
}

func (w *worker) drive(f *flight, action lifecycle.Action) bool {
	c := w.consumer
	for {
		switch action {
		case lifecycle.Finish:
			w.short = w.now != 0 && w.now-f.began < shortWork
			successor, complete := c.finisher.finish(w.shard, f)
			c.service.ended(w, complete, successor != nil)
			if f = successor; f == nil {
				return true
			}
			if c.outage.lasts() && c.outage.holds([]*flight{f}) {
				return true
			}
			w.begin(f)
		case lifecycle.Retry:
			event, beside := c.backoff(f)
			w.now = 0
			if beside {
				return true
			}
			if event != lifecycle.OK {
				action = c.plan.step(f, event)
				continue
			}
		case lifecycle.Run:
		}
		event := c.cut(f)
		if event == lifecycle.OK && c.headroom.isFull() && !w.waitHeadroom() {
			event = lifecycle.Interrupted
		}
		if event != lifecycle.OK {
			action = c.plan.step(f, event)
			continue
		}
		event, owned := w.attempt(f)
		if !owned {
			return false
		}
		action = c.plan.step(f, event)
	}
}

// cut returns why f gets no further attempt: its lease is lost, or the loop shuts down; OK if it gets one.
func (c *Consumer) cut(f *flight) lifecycle.Event {
	switch {
	case f.lost.Load():
		return lifecycle.LeaseLost
	case c.interrupting.Load():
		return lifecycle.Interrupted
	default:
		return lifecycle.OK
	}
}
