package file

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

const (
	// maxQueued is how many callers may wait in line for a writer; more wait for a place in it.
	maxQueued = 1024
	// maxGrouped is how many bytes may be written at once, unless a single caller brings more.
	maxGrouped = 4 << 20
)

// writer appends the lines of concurrent callers. It takes the lines of all waiting callers with one write and one sync.
type writer struct {
	journal journal
	queue   chan *contribution
	stop    chan struct{} // closed to have it end when the queue is empty
	once    sync.Once     // for stop
	ended   chan struct{} // closed when it has
	group   []*contribution
	buffer  []byte
}

// contribution is the lines of one caller.
type contribution struct {
	lines []byte
	taken atomic.Bool // by the writer, or back by the caller: whoever is first
	done  chan error
}

func startWriter(file storage, durable int64) *writer {
	w := &writer{
		journal: journal{file: file, durable: durable},
		queue:   make(chan *contribution, maxQueued),
		stop:    make(chan struct{}),
		ended:   make(chan struct{}),
	}
	go w.run()
	return w
}

// write returns nil when lines are durable. If ctx ends first, they are not written, unless the write is in progress: the error
// says so.
func (w *writer) write(ctx context.Context, lines []byte) error {
	c := &contribution{lines: lines, done: make(chan error, 1)}
	select {
	case <-w.stop:
		return errNotOpen
	default:
	}
	select {
	case w.queue <- c:
	case <-w.stop:
		return errNotOpen
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-c.done:
		return err
	case <-w.ended:
		return w.late(c)
	case <-ctx.Done():
		if c.taken.CompareAndSwap(false, true) {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%w, while it was written: whether it is there is not known", context.Cause(ctx))
	}
}

// late handles a contribution that may have been queued after the writer ended.
func (w *writer) late(c *contribution) error {
	select {
	case err := <-c.done:
		return err
	default:
		return errNotOpen
	}
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		select {
		case c := <-w.queue:
			w.gather(c)
			w.commit()
		case <-w.stop:
			for len(w.queue) > 0 {
				w.gather(<-w.queue)
				w.commit()
			}
			return
		}
	}
}

// gather returns first and all contributions that wait behind it.
func (w *writer) gather(first *contribution) {
	w.group, w.buffer = w.group[:0], w.buffer[:0]
	w.join(first)
	for len(w.buffer) < maxGrouped {
		select {
		case c := <-w.queue:
			w.join(c)
		default:
			return
		}
	}
}

func (w *writer) join(c *contribution) {
	if c.taken.CompareAndSwap(false, true) {
		w.group = append(w.group, c)
		w.buffer = append(w.buffer, c.lines...)
	}
}

func (w *writer) commit() {
	var err error
	if len(w.group) > 0 {
		err = w.journal.append(w.buffer)
	}
	for _, c := range w.group {
		c.done <- err
	}
	clear(w.group)
	if cap(w.buffer) > 2*maxGrouped {
		w.buffer = nil
	}
}

// close writes what is queued and ends the writer. If ctx ends, it stops waiting; another call waits again.
func (w *writer) close(ctx context.Context) error {
	w.once.Do(func() { close(w.stop) })
	select {
	case <-w.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
