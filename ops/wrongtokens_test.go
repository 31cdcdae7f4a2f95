package ops_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/ops"
)

// guess sends a wrong token, and returns the status and how long the answer took.
func (d *backend) guess() (int, time.Duration) {
	start := time.Now()
	w := d.ask(http.MethodPost, pause, "", "Authorization", "Bearer "+secret+"x")
	return w.Code, time.Since(start)
}

func TestWrongTokensAreSlowedDownByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := serve(t, elsewhere)
		d.from = "10.0.0.7:5000"
		for i, want := range []time.Duration{
			0, 0, 0, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
			4 * time.Second, 5 * time.Second, 5 * time.Second,
		} {
			d.from = fmt.Sprintf("10.0.0.7:%d", 5000+i) // a port is no address
			if status, took := d.guess(); status != http.StatusUnauthorized || took != want {
				t.Errorf("wrong token %d: status %d after %s, want 401 after %s", i+1, status, took, want)
			}
		}
		start := time.Now()
		d.want(d.ask(http.MethodPost, pause, "", "Authorization", "Bearer "+secret), http.StatusOK)
		form := []string{"Content-Type", "application/x-www-form-urlencoded"}
		d.want(d.ask(http.MethodPost, "/token", "token="+strings.ReplaceAll(secret, " ", "+"), form...), http.StatusSeeOther)
		if took := time.Since(start); took != 0 {
			t.Errorf("right tokens of the same address took %s", took)
		}
		d.ask(http.MethodPost, "/token", "token=x", form...)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("a wrong token in the form took %s, want 5s", took)
		}
		d.from = "10.0.0.8:5000"
		if _, took := d.guess(); took != 0 {
			t.Errorf("the first of another address took %s", took)
		}
		d.from = "10.0.0.7:5000"
		time.Sleep(10*time.Minute - 5*time.Second) // that in the form came 5 s ago
		if _, took := d.guess(); took != 5*time.Second {
			t.Errorf("10m after the last it took %s, want 5s", took)
		}
		time.Sleep(10*time.Minute - 5*time.Second + time.Nanosecond)
		if _, took := d.guess(); took != 0 {
			t.Errorf("more than 10m after the last it took %s", took)
		}
	})
}

// An address of IPv6 is one of 2⁶⁴ that its owner has.
func TestAddressesOfOneNetworkCountAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := serve(t, elsewhere)
		for i := range 3 {
			d.from = fmt.Sprintf("[2001:db8::%d]:5000", i+1)
			d.guess()
		}
		if _, took := d.guess(); took != 250*time.Millisecond {
			t.Errorf("the fourth of a network took %s", took)
		}
		d.from = "[2001:db8:0:1::1]:5000"
		if _, took := d.guess(); took != 0 {
			t.Errorf("the first of another network took %s", took)
		}
	})
}

func TestAnswersThatWaitAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := serve(t, elsewhere)
		var waiting sync.WaitGroup
		guessFrom := func(address string) int {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://pod"+pause, http.NoBody)
			r.RemoteAddr = address
			r.Header.Set("Authorization", "Bearer nope")
			w := httptest.NewRecorder()
			d.handler.ServeHTTP(w, r)
			return w.Code
		}
		for address := range ops.MaxDelayedAll / ops.MaxDelayed {
			from := fmt.Sprintf("10.0.1.%d:1", address)
			for range 3 {
				guessFrom(from)
			}
			for range ops.MaxDelayed {
				waiting.Go(func() {
					if status := guessFrom(from); status != http.StatusUnauthorized {
						t.Errorf("one that waited: status %d", status)
					}
				})
			}
			synctest.Wait()
			if status := guessFrom(from); status != http.StatusTooManyRequests {
				t.Errorf("one more than may wait of an address: status %d", status)
			}
		}
		for range 3 {
			guessFrom("10.0.2.1:1")
		}
		if status := guessFrom("10.0.2.1:1"); status != http.StatusTooManyRequests {
			t.Errorf("one more than may wait of all: status %d", status)
		}
		start := time.Now()
		ops.End(d.server)
		waiting.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("the end of the server waited %s for answers to wrong tokens", took)
		}
	})
}

func TestAnswerToAWrongTokenEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := serve(t, elsewhere)
		for range 10 {
			d.guess()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://pod"+pause, http.NoBody)
		r.RemoteAddr = d.from
		r.Header.Set("Authorization", "Bearer nope")
		start := time.Now()
		d.handler.ServeHTTP(httptest.NewRecorder(), r)
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %s, want 1s", took)
		}
	})
}

func TestAddressesOfWrongTokensAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := serve(t, elsewhere)
		d.from = "10.0.0.7:5000"
		for range 4 {
			d.guess()
		}
		for i := range 2 * ops.MaxAddresses {
			time.Sleep(time.Millisecond)
			d.from = fmt.Sprintf("10.1.%d.%d:1", i/256, i%256)
			d.guess()
			if n := ops.Addresses(d.server); n > ops.MaxAddresses {
				t.Fatalf("%d addresses are kept, want at most %d", n, ops.MaxAddresses)
			}
		}
		if n := ops.Addresses(d.server); n != ops.MaxAddresses {
			t.Errorf("%d addresses are kept, want %d", n, ops.MaxAddresses)
		}
		d.from = "10.0.0.7:5000" // the oldest has been forgotten
		if _, took := d.guess(); took != 0 {
			t.Errorf("it took %s", took)
		}
		d.from = fmt.Sprintf("10.1.%d.%d:1", (2*ops.MaxAddresses-1)/256, 255) // the latest has not
		for range 2 {
			d.guess()
		}
		if _, took := d.guess(); took != 250*time.Millisecond {
			t.Errorf("the fourth of one that is kept took %s", took)
		}
	})
}

func TestWrongTokensAreLoggedWithoutThem(t *testing.T) {
	var log bytes.Buffer
	d := serve(t, func(s *ops.Settings) {
		withToken(s)
		s.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	d.want(d.ask(http.MethodPost, pause, "", "Authorization", "Bearer guess-1"), http.StatusUnauthorized)
	d.ask(http.MethodPost, "/token?x=guess-2", "token=guess-3", "Content-Type", "application/x-www-form-urlencoded")
	d.want(d.ask(http.MethodPost, pause, ""), http.StatusUnauthorized) // none is no wrong one
	if n := strings.Count(log.String(), "a wrong token was refused"); n != 2 || !strings.Contains(log.String(), "address=127.0.0.1 ") {
		t.Errorf("%d lines, want 2:\n%s", n, log.String())
	}
	if strings.Contains(log.String(), "guess") || strings.Contains(log.String(), secret) {
		t.Errorf("the log has a token:\n%s", log.String())
	}
}

// A page that told whether a token in a header is right would be a way to guess that is not slowed down.
func TestOpenPathsDoNotTellWhetherATokenIsRight(t *testing.T) {
	for name, change := range map[string]func(*ops.Settings){"here": withToken, "elsewhere": elsewhere} {
		d := serve(t, change)
		right := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", http.NoBody)
		right.Header.Set("Authorization", "Bearer "+secret)
		if d.server.MayChange(right) || d.server.MayRead(right) != (name == "here") {
			t.Errorf("%s: a page can tell that the token in a header is right", name)
		}
	}
}
