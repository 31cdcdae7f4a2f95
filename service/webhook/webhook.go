package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
)

const (
	// idleConnections is how many connections are kept for the next requests: more than most pipelines run at once.
	idleConnections = 1024
	// drained is how much of a body that nobody wants is read, so that its connection can be used again.
	drained = 64 << 10
)

// Webhook sends requests. It is safe for concurrent use.
type Webhook struct {
	config Config
	client *http.Client
}

var _ ergon.Closer = (*Webhook)(nil)

// New returns a webhook and does not connect.
func New(c Config) (*Webhook, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:               proxy,
		DialContext:         (&net.Dialer{Timeout: c.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: c.ConnectTimeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: idleConnections,
		IdleConnTimeout:     90 * time.Second,
	}
	return &Webhook{config: c, client: &http.Client{Transport: transport, CheckRedirect: c.redirect}}, nil
}

// redirect follows a redirect that repeats the request unchanged to the same host: headers may be secrets.
func (c Config) redirect(next *http.Request, before []*http.Request) error {
	const maxRedirects = 10
	first := before[0]
	same := next.URL.Scheme == first.URL.Scheme && next.URL.Host == first.URL.Host && next.Method == first.Method
	if !c.FollowRedirects || !same || len(before) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// Close closes the idle connections.
func (w *Webhook) Close(context.Context) error {
	w.client.CloseIdleConnections()
	return nil
}

// Call sends payload and returns the body of the response. An error wraps its cause. The package comment describes the categories
// of errors.
func (w *Webhook) Call(ctx context.Context, tx ergon.Transaction, payload []byte) ([]byte, error) {
	request, err := w.request(ctx, tx, payload)
	if err != nil {
		return nil, err
	}
	response, err := w.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.config.Method, withoutURL(err))
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, response.Body, drained)
		_ = response.Body.Close()
	}()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, failure(response, time.Now())
	}
	result, err := io.ReadAll(io.LimitReader(response.Body, w.config.MaxResponseBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(result)) > w.config.MaxResponseBytes {
		return nil, ergon.Permanent(fmt.Errorf("the answer is longer than max_response_bytes, which is %d", w.config.MaxResponseBytes))
	}
	return result, nil
}

func (w *Webhook) request(ctx context.Context, tx ergon.Transaction, payload []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, w.config.Method, w.config.URL, bytes.NewReader(payload))
	if err != nil {
		return nil, ergon.Permanent(fmt.Errorf("make the request: %w", withoutURL(err)))
	}
	request.Header.Set("Content-Type", w.config.ContentType)
	request.Header.Set("User-Agent", "ergon")
	request.Header.Set("Idempotency-Key", tx.IdempotencyKey())
	traced := traced(ctx, tx)
	propagation.TraceContext{}.Inject(traced, propagation.HeaderCarrier(request.Header))
	propagation.Baggage{}.Inject(traced, propagation.HeaderCarrier(request.Header))
	for name, value := range w.config.Headers {
		request.Header.Set(name, value)
		if http.CanonicalHeaderKey(name) == "Host" {
			request.Host = value
		}
	}
	return request, nil
}

// traced is ctx with the span of the attempt or, where nothing traces, the context that came with the transaction, if it is
// valid; and with its baggage, unless ctx has some.
func traced(ctx context.Context, tx ergon.Transaction) context.Context {
	var came propagation.MapCarrier = map[string]string{}
	maps.Insert(came, tx.AllMetadata())
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = propagation.TraceContext{}.Extract(ctx, came)
	}
	if baggage.FromContext(ctx).Len() == 0 {
		ctx = propagation.Baggage{}.Extract(ctx, came)
	}
	return ctx
}

// proxy is that of the environment. An error of net/http would repeat it, with its password.
func proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("the proxy that the environment names (HTTPS_PROXY or HTTP_PROXY) is not a URL")
	}
	return u, nil
}

// quietError is an error whose text leaves out what net/http quotes.
type quietError struct {
	error // the cause

	text string
}

func (e *quietError) Error() string { return e.text }
func (e *quietError) Unwrap() error { return e.error }

// quote is what net/http has got from the server: a header, a line of the answer, where a redirect leads to.
var quote = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// withoutURL is an error of package net/http without the URL in it, which may have a secret in its path and query, and without
// what it quotes of the answer, which may have one as well, or the payload.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if text := quote.ReplaceAllString(err.Error(), "…"); text != err.Error() {
		return &quietError{err, text}
	}
	return err
}
