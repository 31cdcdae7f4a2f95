package runner

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ergon-go/ergon"
)

// transported is err as its supervisor returns it.
func transported(err, cause error) []error {
	var errs []error
	for _, f := range failuresOf(err, cause) {
		errs = append(errs, f.error("triage"))
	}
	return errs
}

// [E4] An error of a worker process keeps its message, its exit code and the errors that callers look for.
func TestErrorsOfWorkerProcessesKeepWhatTheyAre(t *testing.T) {
	cause := errors.New("stopped")
	for name, c := range map[string]struct {
		err  error
		is   error
		code int
	}{
		"anything":          {errDied, nil, 1},
		"a loop timeout":    {fmt.Errorf("%w of 1s", ergon.ErrLoopTimeout), ergon.ErrLoopTimeout, 1},
		"the headroom":      {fmt.Errorf("%w: 3", ErrHeadroom), ErrHeadroom, 1},
		"what is unsettled": {ErrUnsettled, ErrUnsettled, 1},
		"usage":             {fmt.Errorf("%w: no", ErrUsage), ErrUsage, 2},
		"an interruption":   {ergon.ErrInterrupted, ergon.ErrInterrupted, 0},
		"a cancellation":    {context.Canceled, context.Canceled, 0},
	} {
		got := transported(c.err, cause)
		if len(got) != 1 || got[0].Error() != c.err.Error() || c.is != nil && !errors.Is(got[0], c.is) {
			t.Errorf("%s: got %v, want %v", name, got, c.err)
		}
		if want := max(c.code, ExitCode(c.err)); ExitCode(errors.Join(got...)) != want {
			t.Errorf("%s: got exit code %d, want %d", name, ExitCode(errors.Join(got...)), want)
		}
	}
	got := transported(errors.Join(&ConfigError{Task: "triage", Err: errDied}, cause), cause)
	if _, ok := errors.AsType[*ConfigError](got[0]); !ok || len(got) != 2 || got[0].Error() != `task "triage": `+errDied.Error() {
		t.Errorf("got %v, want the fault of the configuration first", got)
	}
	if got := transported(nil, cause); len(got) > 0 {
		t.Errorf("got %v of no error", got)
	}
}
