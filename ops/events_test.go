package ops_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/ops"
)

// stream is a listener that can be written to without a connection.
type stream struct{ *httptest.ResponseRecorder }

func (stream) SetWriteDeadline(time.Time) error { return nil }

func TestStreamsOfEventsAreBoundedByAddressAndOverall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := serve(t, elsewhere)
		var open sync.WaitGroup
		listen := func(ctx context.Context, from string) int {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://pod/api/v1/events", http.NoBody)
			r.RemoteAddr = from
			r.Header.Set("Authorization", "Bearer "+secret)
			w := stream{httptest.NewRecorder()}
			d.handler.ServeHTTP(w, r)
			return w.Code
		}
		goes := func(ctx context.Context, from string) {
			open.Go(func() {
				if status := listen(ctx, from); status != http.StatusOK {
					t.Errorf("a stream of %s: status %d", from, status)
				}
			})
			synctest.Wait()
		}
		one, leave := context.WithCancel(t.Context())
		goes(one, "10.0.0.0:1")
		for i := 1; i < ops.MaxStreamsEach; i++ {
			goes(t.Context(), fmt.Sprintf("10.0.0.0:%d", i))
		}
		if status := listen(t.Context(), "10.0.0.0:99"); status != http.StatusTooManyRequests {
			t.Errorf("one more than an address may have: status %d", status)
		}
		leave()
		synctest.Wait()
		goes(t.Context(), "10.0.0.0:99")
		for i := ops.MaxStreamsEach; i < ops.MaxStreams; i++ {
			goes(t.Context(), fmt.Sprintf("10.0.0.%d:1", 1+i/ops.MaxStreamsEach))
		}
		if status := listen(t.Context(), "10.0.1.1:1"); status != http.StatusServiceUnavailable {
			t.Errorf("one more than all may have: status %d", status)
		}
		ops.End(d.server)
		open.Wait()
	})
}
