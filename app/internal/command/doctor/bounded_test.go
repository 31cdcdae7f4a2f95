package doctor_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/app/internal/command/doctor"
)

func TestConnectorThatHangsIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, returns := time.Now(), make(chan struct{})
		err := doctor.Bounded(t.Context(), 3*time.Second, func(context.Context) error { // does not respect its context
			<-returns
			return nil
		})
		if err == nil || err.Error() != "no answer within 3s" || time.Since(start) != 3*time.Second {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
		close(returns)
	})
}
