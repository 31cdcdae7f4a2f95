package runner

import (
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/ergon-go/ergon/internal/ask"
)

// unheard is in the place of an error of which a method does not return.
type unheard struct{ text string }

func (e *unheard) Error() string { return e.text }

// neverIs and neverAs are found in no error.
var neverIs = errors.New("no error wraps this")

type neverAs struct{ error }

// hear is called where an error of code that is not ours comes in. It calls each method that is called of it from then on, guarded
// and within a bound: of the exit code, the summary and the log. One of which any does not return is replaced by its text, as far
// as that is known, and goes for any failure; its cause is not reached then. One that panics is left as it is: whoever looks into
// errors bears with that. [F1]
func hear(err error) error {
	if err == nil {
		return nil
	}
	var text atomic.Pointer[string]
	_, fault := ask.For("a method of the error", func() struct{} {
		said := err.Error()
		text.Store(&said)
		_ = errors.Is(err, neverIs)
		_, _ = errors.AsType[*neverAs](err)
		_ = worst(err)
		_ = slog.AnyValue(err).Resolve()
		return struct{}{}
	})
	if f, ok := errors.AsType[*ask.Fault](fault); !ok || f.Stack != nil {
		return err
	}
	if said := text.Load(); said != nil {
		return &unheard{*said}
	}
	return &unheard{"it failed with an error that does not say why: " + fault.Error()}
}
