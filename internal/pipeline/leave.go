package pipeline

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// ErrLeftBehind is returned by a loop that has ended without parts of it that hang in code that is not ours.
var ErrLeftBehind = errors.New("the loop has ended, but parts of it have not; they are left behind")

// leave sends home whatever serves the loop, which has come to its end, waits for that, and names what does not come [F4].
func (c *Consumer) leave(stopBackground func()) error {
	close(c.settler.closing)
	settled, helped, home := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		<-c.settler.done
		close(settled)
		stopBackground()
		c.helpers.Wait()
		close(helped)
		c.pool.close()
		c.pool.workers.Wait()
		close(home)
	}()
	timer := time.NewTimer(c.homecoming())
	defer timer.Stop()
	select {
	case <-home:
		return nil
	case <-timer.C:
	}
	stopBackground()
	c.pool.close()
	var left []string
	for _, part := range []struct {
		name  string
		ended chan struct{}
	}{{"settling", settled}, {"keeping leases", helped}, {"workers", home}} {
		select {
		case <-part.ended:
		default:
			left = append(left, part.name)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrLeftBehind, strings.Join(left, ", "))
}

// homecoming is how long what serves the loop has to end: leastFlush, and more where handlers that were given up may compute. The
// runtime gives each of them its turn before one of ours, and there are several of ours that end one after another.
func (c *Consumer) homecoming() time.Duration {
	const timeSlice, turns = 10 * time.Millisecond, 4
	return leastFlush + time.Duration(c.headroom.used())*turns*timeSlice/time.Duration(runtime.GOMAXPROCS(0))
}

// waitOrLeave returns what fetching ended with, once it is stopped.
func waitOrLeave(done <-chan error) error {
	timer := time.NewTimer(leastFlush)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("%w: fetching", ErrLeftBehind)
	}
}
