package webhook

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/ergon-go/ergon"
)

// failure is an answer that is no success, in the words of package ergon. Nothing of its body is in it: that may hold the
// payload.
func failure(response *http.Response, now time.Time) error {
	status := response.StatusCode
	err := fmt.Errorf("answered %d %s", status, http.StatusText(status))
	switch {
	case status < 400:
		return ergon.Permanent(fmt.Errorf("%w: a redirect that is not followed; correct url, or set follow_redirects "+
			"for one to the same host", err))
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		if after, ok := retryAfter(response.Header.Get("Retry-After"), now); ok {
			return ergon.RetryAfter(err, after)
		}
		return err
	default:
		return ergon.Business(err)
	}
}

// retryAfter reads seconds or a date; a date that has passed is no delay.
func retryAfter(header string, now time.Time) (time.Duration, bool) {
	const maxSeconds = 365 * 24 * 60 * 60 // must not overflow; transaction timeouts are shorter
	if seconds, err := strconv.ParseUint(header, 10, 63); err == nil {
		return time.Duration(min(seconds, maxSeconds)) * time.Second, true
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(at.Sub(now), 0), true
	}
	return 0, false
}
