package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// Config is the configuration of a webhook. Start with [DefaultConfig] and change its fields: the zero value of a field is not
// its default.
type Config struct {
	// URL is the http or https URL of the requests.
	URL string `yaml:"url" secret:"url"`
	// Method is POST (default), PUT or PATCH.
	Method string `yaml:"method"`
	// ContentType is the type of the payloads. Default application/json.
	ContentType string `yaml:"content_type"`
	// Headers are sent with each request.
	Headers map[string]string `yaml:"headers" secret:"value"`
	// ConnectTimeout is the maximum time to connect, TLS included. The timeout of the attempt limits the whole request. Default
	// 10s.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// FollowRedirects follows redirects 307 and 308 to the same host, which repeat the request. Default false.
	FollowRedirects bool `yaml:"follow_redirects"`
	// MaxResponseBytes is the maximum size of the result. Default 1 MiB.
	MaxResponseBytes int64 `yaml:"max_response_bytes"`
}

// DefaultConfig returns the defaults. Set URL.
func DefaultConfig() Config {
	return Config{
		Method: http.MethodPost, ContentType: "application/json", ConnectTimeout: 10 * time.Second, MaxResponseBytes: 1 << 20,
	}
}

const maxResponse = 1 << 30

// headerName is a token, as RFC 9110 has it.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It does not connect.
func (c Config) Validate() error {
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, &policy.Fault{Path: path, Problem: fmt.Sprintf(format, args...)})
	}
	if problem := urlProblem(c.URL); problem != "" {
		fault("url", "%s", problem)
	}
	if methods := []string{http.MethodPost, http.MethodPut, http.MethodPatch}; !slices.Contains(methods, c.Method) {
		fault("method", "is %q, must be one of %q", c.Method, methods)
	}
	if !isHeaderValue(c.ContentType) {
		fault("content_type", "has a control character")
	}
	for name, value := range c.Headers {
		switch {
		case !headerName.MatchString(name):
			fault("headers", "has the name %q, which no header can have", name)
		case !isHeaderValue(value):
			fault("headers."+name, "has a control character, such as a line end")
		}
	}
	if c.ConnectTimeout <= 0 {
		fault("connect_timeout", "is %s, must be more than 0, such as 10s", c.ConnectTimeout)
	}
	if c.MaxResponseBytes < 0 || c.MaxResponseBytes > maxResponse {
		fault("max_response_bytes", "is %d, must be from 0 to %d, such as 1048576", c.MaxResponseBytes, maxResponse)
	}
	return errors.Join(faults...)
}

// urlProblem does not repeat the URL, which may have a password in it.
func urlProblem(text string) string {
	const example = "such as https://prices.example.com/orders"
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "is empty, must be the URL of the requests, " + example
	case err != nil:
		return "is not a URL, must be one, " + example
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return "must begin with http:// or https:// and have a host, " + example
	default:
		return ""
	}
}

func isHeaderValue(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
