package ops

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Events is a stream of server-sent events to one client.
type Events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

const (
	// eventTimeout is the time limit for sending an event.
	eventTimeout = 10 * time.Second
	// maxStreams is the maximum number of open streams, maxStreamsEach the maximum for one address: tabs of a browser.
	maxStreams     = 64
	maxStreamsEach = 16
)

// streams counts open streams. It is safe for concurrent use.
type streams struct {
	mu   sync.Mutex
	open int
	of   map[netip.Prefix]int
}

// begin counts one more stream of an address, or refuses it.
func (s *streams) begin(address netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.open >= maxStreams:
		return refusal(http.StatusServiceUnavailable, "%d event streams are open; close one", maxStreams)
	case s.of[address] >= maxStreamsEach:
		return refusal(http.StatusTooManyRequests, "%d event streams are open from this address; close one", maxStreamsEach)
	}
	if s.of == nil {
		s.of = map[netip.Prefix]int{}
	}
	s.open++
	s.of[address]++
	return nil
}

func (s *streams) end(address netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.of[address]--
	if s.of[address] == 0 {
		delete(s.of, address)
	}
}

// Send sends an event with its data in JSON.
func (e *Events) Send(name string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("event %s: %w", name, err)
	}
	return e.write(fmt.Sprintf("event: %s\ndata: %s\n\n", name, text))
}

func (e *Events) write(text string) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil {
		return err
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.control.Flush()
}

// Stream serves events. begin checks the request and returns a function that is called at once and then each second, until the
// client has gone, the server ends, or the function returns an error.
func (s *Server) Stream(begin func(*http.Request) (func(*Events) error, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		each, err := begin(r)
		if err != nil {
			refuse(w, r, StatusOf(err), err.Error())
			return
		}
		address := addressOf(r.RemoteAddr)
		if err := s.streams.begin(address); err != nil {
			refuse(w, r, StatusOf(err), err.Error())
			return
		}
		defer s.streams.end(address)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no")
		s.stream(r, &Events{w, http.NewResponseController(w)}, each)
	})
}

func (s *Server) stream(r *http.Request, e *Events, each func(*Events) error) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	if e.write("retry: 2000\n\n") != nil {
		return
	}
	for {
		if each(e) != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-s.ending:
			return
		case <-r.Context().Done():
			return
		}
	}
}
