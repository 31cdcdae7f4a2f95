package ops

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// freeFailures is how many wrong tokens of an address are answered at once; people mistype.
	freeFailures = 3
	// firstDelay is how long the next one waits. It doubles with each, up to maxDelay, which stays below readTimeout.
	firstDelay = 250 * time.Millisecond
	maxDelay   = 5 * time.Second
	// maxDelayed is how many answers of one address wait at once, and maxDelayedAll those of all: each holds a goroutine and a
	// connection. What comes beyond that is refused at once.
	maxDelayed    = 4
	maxDelayedAll = 64
	// rememberedFor is how long an address is remembered after its last wrong token.
	rememberedFor = 10 * time.Minute
	// maxAddresses is how many are remembered; beyond that the one whose last mistake is the oldest is forgotten.
	maxAddresses = 1024
)

// wrongTokens slows down whoever guesses tokens, address by address. A right token never comes here, so that nobody who
// guesses from the same address, or behind the same proxy, can keep an operator out. It is safe for concurrent use.
type wrongTokens struct {
	mu      sync.Mutex
	of      map[netip.Prefix]*failures
	delayed int
}

// failures are the wrong tokens of one address.
type failures struct {
	count   int
	delayed int // answers that wait now
	last    time.Time
}

// delay counts a wrong token and waits as long as its address has deserved: until ctx or the server ends at most. It returns
// how many there were, and false, at once, where too many wait already.
func (w *wrongTokens) delay(ctx context.Context, ending <-chan struct{}, remote string) (count int, waited bool) {
	from, wait, ok := w.note(addressOf(remote), time.Now())
	if !ok || wait == 0 {
		return from.count, ok
	}
	defer w.answered(addressOf(remote))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ending:
	case <-ctx.Done():
	}
	return from.count, true
}

// note returns a copy of the address's failures with this one, and how long its answer waits.
func (w *wrongTokens) note(address netip.Prefix, now time.Time) (failures, time.Duration, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.of[address]
	if m == nil || now.Sub(m.last) > rememberedFor && m.delayed == 0 {
		m = w.remember(address, now)
	}
	m.count, m.last = m.count+1, now
	if m.count <= freeFailures {
		return *m, 0, true
	}
	if m.delayed >= maxDelayed || w.delayed >= maxDelayedAll {
		return *m, 0, false
	}
	m.delayed++
	w.delayed++
	return *m, min(firstDelay<<min(m.count-freeFailures-1, 10), maxDelay), true
}

// remember makes room for an address that has no failures yet.
func (w *wrongTokens) remember(address netip.Prefix, now time.Time) *failures {
	if len(w.of) >= maxAddresses {
		w.forget(now)
	}
	if w.of == nil {
		w.of = map[netip.Prefix]*failures{}
	}
	m := &failures{}
	w.of[address] = m
	return m
}

// forget drops what is old, or else the oldest. One whose answers wait stays: there are at most maxDelayedAll of those.
func (w *wrongTokens) forget(now time.Time) {
	var oldest netip.Prefix
	found := false
	for address, m := range w.of {
		switch {
		case m.delayed > 0:
		case now.Sub(m.last) > rememberedFor:
			delete(w.of, address)
		case !found || m.last.Before(w.of[oldest].last):
			oldest, found = address, true
		}
	}
	if found && len(w.of) >= maxAddresses {
		delete(w.of, oldest)
	}
}

// answered ends the wait of an answer.
func (w *wrongTokens) answered(address netip.Prefix) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delayed--
	w.of[address].delayed--
}

// addressOf is who a connection comes from. One who has an address of IPv6 has 2⁶⁴ of them, which count as one. What is no
// address counts as one as well. Headers count for nothing: their sender chooses them.
func addressOf(remote string) netip.Prefix {
	address, err := netip.ParseAddr(hostOf(remote))
	if err != nil {
		return netip.Prefix{}
	}
	address = address.Unmap().WithZone("")
	bits := 32
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits) // neither has fewer bits
	return prefix
}

// refuseWrong logs a wrong token, without it, and waits before it is answered. It returns false where it has been answered:
// too many of this address wait already. Those are not logged one by one, but counted in the next line.
func (s *Server) refuseWrong(w http.ResponseWriter, r *http.Request) bool {
	count, waited := s.wrong.delay(r.Context(), s.ending, r.RemoteAddr)
	if !waited {
		w.Header().Set("Retry-After", "5")
		refuse(w, r, http.StatusTooManyRequests, "too many wrong tokens from this address; wait a few seconds")
		return false
	}
	s.settings.Logger.WarnContext(r.Context(), "a wrong token was refused at the operations endpoint",
		"address", hostOf(r.RemoteAddr), "method", r.Method, "path", r.URL.Path, "wrong_tokens", count)
	return true
}
