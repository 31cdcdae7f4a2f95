package webhook_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/service/webhook"
)

// call sends "a payload" to a server that answers as handler does.
func call(t *testing.T, handler http.HandlerFunc, change func(*webhook.Config)) ([]byte, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return newWebhook(t, server.URL+"/orders?token=hunter2", change).Call(t.Context(), transaction(), []byte("a payload"))
}

func newWebhook(t *testing.T, url string, change func(*webhook.Config)) *webhook.Webhook {
	t.Helper()
	c := webhook.DefaultConfig()
	c.URL = url
	if change != nil {
		change(&c)
	}
	made, err := webhook.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close(context.Background()) })
	return made
}

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func transaction() ergon.Transaction {
	return ergon.NewTransaction("orders.csv:7 é", nil).WithMetadata("traceparent", parent)
}

func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestResultIsTheAnswer(t *testing.T) {
	var got http.Request
	var body []byte
	result, err := call(t, func(w http.ResponseWriter, r *http.Request) {
		got = *r
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, "priced")
	}, func(c *webhook.Config) { c.Headers = map[string]string{"authorization": "Bearer hunter2"} })
	if err != nil || string(result) != "priced" {
		t.Fatalf("got %q, %v", result, err)
	}
	if got.Method != http.MethodPost || string(body) != "a payload" {
		t.Errorf("the request is %s %q", got.Method, body)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer hunter2", "Content-Type": "application/json", "Traceparent": parent,
		"Idempotency-Key": "orders.csv:7%20%C3%A9",
	} {
		if got := got.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestSpanOfTheAttemptGoesBeforeThatOfTheTransaction(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Traceparent") }))
	t.Cleanup(server.Close)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	if _, err := newWebhook(t, server.URL, nil).Call(trace.ContextWithSpanContext(t.Context(), span), transaction(), nil); err != nil {
		t.Fatal(err)
	}
	if want := "00-01000000000000000000000000000000-0200000000000000-01"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// [R2]
func TestStatusSaysWhoseFaultItIs(t *testing.T) {
	for status, want := range map[int]struct {
		category  ergon.Category
		permanent bool
	}{
		302: {ergon.CategorySystem, true}, 400: {ergon.CategoryBusiness, false}, 404: {ergon.CategoryBusiness, false},
		408: {ergon.CategorySystem, false}, 425: {ergon.CategorySystem, false}, 429: {ergon.CategorySystem, false},
		422: {ergon.CategoryBusiness, false}, 499: {ergon.CategoryBusiness, false},
		500: {ergon.CategorySystem, false}, 503: {ergon.CategorySystem, false}, 599: {ergon.CategorySystem, false},
	} {
		_, err := call(t, answer(status, "a payload"), nil)
		var permanent interface{ IsPermanent() bool }
		got := errors.As(err, &permanent) && permanent.IsPermanent()
		if err == nil || ergon.CategoryOf(err) != want.category || got != want.permanent {
			t.Fatalf("%d is %s, permanent %v: %v; want %s, %v", status, ergon.CategoryOf(err), got, err, want.category, want.permanent)
		}
		if strings.Contains(err.Error(), "payload") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%d: %v tells too much", status, err)
		}
	}
}

// [R1]
func TestRetryAfterIsHonoured(t *testing.T) {
	inAnHour := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for name, c := range map[string]struct {
		status      int
		header      string
		least, most time.Duration
		none        bool
	}{
		"seconds":                 {429, "7", 7 * time.Second, 7 * time.Second, false},
		"no seconds at all":       {503, "0", 0, 0, false},
		"a date":                  {503, inAnHour, 58 * time.Minute, time.Hour, false},
		"a date that has passed":  {503, "Sun, 06 Nov 1994 08:49:37 GMT", 0, 0, false},
		"absurd":                  {500, "9999999999999999", 365 * 24 * time.Hour, 365 * 24 * time.Hour, false},
		"negative":                {503, "-1", 0, 0, true},
		"nonsense":                {503, "soon", 0, 0, true},
		"no header":               {503, "", 0, 0, true},
		"what is not tried again": {400, "7", 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := call(t, answer(c.status, "", "Retry-After", c.header), nil)
			var delayed interface{ RetryDelay() (time.Duration, bool) }
			var got time.Duration
			ok := false
			if errors.As(err, &delayed) {
				got, ok = delayed.RetryDelay()
			}
			if ok == c.none || got < c.least || got > c.most {
				t.Errorf("got %s, %v (%v); want from %s to %s", got, ok, err, c.least, c.most)
			}
		})
	}
}

func TestAnswerIsBounded(t *testing.T) {
	limit := func(c *webhook.Config) { c.MaxResponseBytes = 5 }
	if got, err := call(t, answer(200, "12345"), limit); err != nil || string(got) != "12345" {
		t.Errorf("at the bound: %q, %v", got, err)
	}
	_, err := call(t, answer(200, "123456"), limit)
	if want := "the answer is longer than max_response_bytes, which is 5"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRedirectIsFollowedToTheSameHostOnlyWhereThatIsWanted(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	to := func(status int, location string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/moved" {
				_, _ = io.Copy(w, r.Body)
				return
			}
			w.Header().Set("Location", location)
			w.WriteHeader(status)
		}
	}
	follow := func(c *webhook.Config) { c.FollowRedirects = true }
	if got, err := call(t, to(307, "/moved"), follow); err != nil || string(got) != "a payload" {
		t.Errorf("followed: %q, %v", got, err)
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		change  func(*webhook.Config)
	}{
		"not wanted": {to(307, "/moved"), nil}, "becomes a GET": {to(302, "/moved"), follow}, "another host": {to(308, other.URL), follow},
		"in circles": {to(307, "/orders"), follow},
	} {
		_, err := call(t, c.handler, c.change)
		if err == nil || !strings.Contains(err.Error(), "a redirect that is not followed") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("the other host got %d requests", n)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(answer(503, "busy"))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	w := newWebhook(t, server.URL, nil)
	for range 5 {
		_, _ = w.Call(t.Context(), transaction(), nil)
	}
	if got := opened.Load(); got != 1 {
		t.Errorf("five requests opened %d connections, want 1", got)
	}
}

func TestRequestEndsWithItsAttempt(t *testing.T) {
	arrived := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := newWebhook(t, server.URL+"?token=hunter2", nil).Call(ctx, transaction(), nil)
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestConfigReportsAllItsFaults(t *testing.T) {
	c := webhook.Config{
		URL: "ftp://u:hunter2@host", Method: "GET", ContentType: "a\n",
		Headers: map[string]string{"a b": ""}, MaxResponseBytes: -1,
	}
	want := []string{
		"url: must begin with http:// or https:// and have a host, such as https://prices.example.com/orders",
		`method: is "GET", must be one of ["POST" "PUT" "PATCH"]`,
		"content_type: has a control character",
		`headers: has the name "a b", which no header can have`,
		"connect_timeout: is 0s, must be more than 0, such as 10s",
		"max_response_bytes: is -1, must be from 0 to 1073741824, such as 1048576",
	}
	if diff := cmp.Diff(want, strings.Split(c.Validate().Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	for url, want := range map[string]string{
		"":         "url: is empty, must be the URL of the requests, such as https://prices.example.com/orders",
		"http://%": "url: is not a URL, must be one, such as https://prices.example.com/orders",
		"http:///": "url: must begin with http:// or https:// and have a host, such as https://prices.example.com/orders",
	} {
		c := webhook.DefaultConfig()
		c.URL, c.Headers = url, map[string]string{"X-Key": "a"}
		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", url, err, want)
		}
	}
}

// An answer that cannot be read is not quoted, and neither is where the request went.
func TestErrorsTellNothingOfURLsAndAnswers(t *testing.T) {
	for name, raw := range map[string]string{
		"no HTTP":       "hunter2 a payload\r\n\r\n",
		"status":        "HTTP/1.1 hunter2 payload\r\n\r\n",
		"header":        "HTTP/1.1 200 OK\r\nhunter2 payload\r\n\r\n",
		"bad redirect":  "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://hunter2:payload@a:b\r\n\r\n",
		"just hangs up": "",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := call(t, func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, raw)
				_ = conn.Close()
			}, func(c *webhook.Config) { c.URL += "&path=hunter3" })
			if err == nil || strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "payload") {
				t.Errorf("got %v, want an error that tells nothing", err)
			}
		})
	}
}

// [O1] Where nothing traces, what is valid is passed on as it is; where something does, this hop's span goes before it.
func TestTraceOfTheTransactionIsPassedOnWhereItIsValid(t *testing.T) {
	state, err := trace.ParseTraceState("own=1")
	if err != nil {
		t.Fatal(err)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceState: state})
	for name, c := range map[string]struct {
		parent, state, baggage string
		traced                 bool
		want                   [3]string
	}{
		"valid":   {parent, "vendor=x", "tenant=7", false, [3]string{parent, "vendor=x", "tenant=7"}},
		"invalid": {"garbage", "vendor=x", "=;", false, [3]string{}},
		"traced": {
			parent, "vendor=x", "tenant=7", true,
			[3]string{"00-01000000000000000000000000000000-0200000000000000-00", "own=1", "tenant=7"},
		},
		"traced, no use": {
			"garbage", "vendor=x", "=;", true,
			[3]string{"00-01000000000000000000000000000000-0200000000000000-00", "own=1", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got [3]string
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = [3]string{r.Header.Get("Traceparent"), r.Header.Get("Tracestate"), r.Header.Get("Baggage")}
			}))
			t.Cleanup(server.Close)
			ctx := t.Context()
			if c.traced {
				ctx = trace.ContextWithSpanContext(ctx, span)
			}
			tx := ergon.NewTransaction("a", nil).WithMetadata("traceparent", c.parent).WithMetadata("tracestate", c.state).
				WithMetadata("baggage", c.baggage)
			if _, err := newWebhook(t, server.URL, nil).Call(ctx, tx, nil); err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
