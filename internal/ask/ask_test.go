package ask_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/ask"
)

type unreadable struct{}

func (unreadable) Error() string { panic("no text") }

// [F1] Whatever a method does, its caller gets an answer or an error that names it, within the bound and not before it.
func TestAnyMethodIsAnsweredOrAnError(t *testing.T) {
	for name, c := range map[string]struct {
		question func() int
		answer   int
		says     string
		after    time.Duration
	}{
		"answers":                {func() int { return 7 }, 7, "", 0},
		"answers late":           {func() int { time.Sleep(ask.Within - 1); return 7 }, 7, "", ask.Within - 1},
		"answers too late":       {func() int { time.Sleep(ask.Within + 1); return 7 }, 0, "Declare: it has not returned", ask.Within},
		"hangs":                  {func() int { time.Sleep(time.Hour); return 7 }, 0, "Declare: it has not returned within 5s", ask.Within},
		"panics":                 {func() int { panic("broken") }, 0, "Declare: panic: broken", 0},
		"panics with an error":   {func() int { panic(errors.New("broken")) }, 0, "Declare: panic: broken", 0},
		"panics with a payload":  {func() int { panic([]string{"secret"}) }, 0, "Declare: panic: a value of type []string", 0},
		"panics with a trap":     {func() int { panic(unreadable{}) }, 0, "Declare: panic: %!v(PANIC=Error method: no text)", 0},
		"panics with nothing":    {func() int { panic(nil) }, 0, "Declare: panic: ", 0}, //nolint:govet // the case
		"ends its own goroutine": {func() int { runtime.Goexit(); return 7 }, 0, "Declare: it ended its goroutine", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				answer, err := ask.For("Declare", c.question)
				if took := time.Since(began); answer != c.answer || took != c.after {
					t.Errorf("got %d after %s, want %d after %s", answer, took, c.answer, c.after)
				}
				if (err != nil) != (c.says != "") || err != nil && !strings.HasPrefix(err.Error(), c.says) {
					t.Errorf("got error %v, want %q", err, c.says)
				}
				time.Sleep(2 * time.Hour) // for what was left behind
			})
		})
	}
}
