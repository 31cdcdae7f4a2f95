package postgres

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// wake ends the pauses of fetches when there may be something to claim: those of this process at once, those of others by NOTIFY.
//
// A notification is sent after the commit, by a goroutine of its own: inside of a transaction it would make all commits of the
// server with notifications wait for each other. The first is sent at once, more within lull are sent together.
type wake struct {
	store   *store
	channel string
	works   bool // notifications arrive
	stop    context.CancelFunc
	ended   sync.WaitGroup

	mu      sync.Mutex
	arrived map[int64]chan struct{} // by queue: closed when there may be something to claim
	unsent  map[int64]struct{}      // the queues of which others do not know yet
	ring    chan struct{}           // has room for one: something is unsent
}

const (
	// lull is the maximum time for which a notification is held back behind another one.
	lull = 10 * time.Millisecond
	// probeWithin is the maximum time until the notification of a probe arrives.
	probeWithin = 2 * time.Second
	// reconnectAfter is the time between two attempts to connect for notifications.
	reconnectAfter = time.Second
)

func newWake(s *store) *wake {
	return &wake{
		store: s, channel: "ergon_" + s.id, arrived: map[int64]chan struct{}{}, unsent: map[int64]struct{}{}, ring: make(chan struct{}, 1),
	}
}

// listen starts the goroutines, if notifications are wanted and arrive. If they do not, fetches only poll.
func (w *wake) listen(ctx context.Context) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.stop = stop
	if !w.store.config.Notify || w.store.config.Pooler {
		return nil
	}
	conn, err := w.subscribe(ctx)
	if err != nil {
		return err
	}
	if w.works = w.probe(ctx, conn); !w.works {
		return conn.Close(ctx)
	}
	w.ended.Go(func() { w.receive(running, conn) })
	w.ended.Go(func() { w.send(running) })
	return nil
}

func (w *wake) close() {
	w.stop()
	w.ended.Wait()
}

// subscribe returns a connection that gets the notifications.
func (w *wake) subscribe(ctx context.Context) (*pgx.Conn, error) {
	config := w.store.pool.Config().ConnConfig.Copy()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{w.channel}.Sanitize()); err != nil {
		_ = conn.Close(ctx) // the error says why
		return nil, err
	}
	return conn, nil
}

// probe sends a notification to itself: behind some poolers it never arrives, and nothing says so.
func (w *wake) probe(ctx context.Context, conn *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	if _, err := w.store.pool.Exec(ctx, "SELECT pg_notify($1, '')", w.channel); err != nil {
		return false
	}
	_, err := conn.WaitForNotification(ctx)
	return err == nil
}

// receive wakes fetches of this process until ctx ends. It connects again as often as necessary.
func (w *wake) receive(ctx context.Context, conn *pgx.Conn) {
	for ctx.Err() == nil {
		if conn == nil {
			limited, cancel := context.WithTimeout(ctx, probeWithin+w.store.config.ConnectTimeout)
			again, err := w.subscribe(limited)
			cancel()
			if err != nil {
				pause(ctx, reconnectAfter)
				continue
			}
			conn = again
			w.local(nil) // something may have been missed
		}
		notification, err := conn.WaitForNotification(ctx)
		if err != nil {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			_ = conn.Close(closing) // it is broken, or no longer needed
			cancel()
			conn = nil
			continue
		}
		if queue, err := strconv.ParseInt(notification.Payload, 10, 64); err == nil {
			w.local([]int64{queue})
		}
	}
	if conn != nil {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // it is no longer needed
	}
}

// send notifies other processes until ctx ends. A notification that fails is lost: they poll.
func (w *wake) send(ctx context.Context) {
	for {
		select {
		case <-w.ring:
		case <-ctx.Done():
			return
		}
		for _, queue := range w.take() {
			limited, cancel := context.WithTimeout(ctx, probeWithin)
			_, _ = w.store.pool.Exec(limited, "SELECT pg_notify($1, $2)", w.channel, strconv.FormatInt(queue, 10))
			cancel()
		}
		pause(ctx, lull)
	}
}

func (w *wake) take() []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var queues []int64
	for queue := range w.unsent {
		queues = append(queues, queue)
	}
	clear(w.unsent)
	return queues
}

// up wakes the fetches of these queues, here and elsewhere.
func (w *wake) up(queues []int64) {
	if len(queues) == 0 {
		return
	}
	w.local(queues)
	if !w.works {
		return
	}
	w.mu.Lock()
	for _, queue := range queues {
		w.unsent[queue] = struct{}{}
	}
	w.mu.Unlock()
	select {
	case w.ring <- struct{}{}:
	default:
	}
}

// local wakes the fetches of these queues in this process; nil means all queues.
func (w *wake) local(queues []int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if queues == nil {
		for queue, arrived := range w.arrived {
			close(arrived)
			delete(w.arrived, queue)
		}
	}
	for _, queue := range queues {
		if arrived, waited := w.arrived[queue]; waited {
			close(arrived)
			delete(w.arrived, queue)
		}
	}
}

// arrival is closed when there may be something to claim in a queue.
func (w *wake) arrival(queue int64) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	arrived, waited := w.arrived[queue]
	if !waited {
		arrived = make(chan struct{})
		w.arrived[queue] = arrived
	}
	return arrived
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
