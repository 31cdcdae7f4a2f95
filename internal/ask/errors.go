package ask

import (
	"errors"
	"sync/atomic"
)

// UnheardError is in the place of an error of which a method does not return.
type UnheardError struct{ text string }

func (e *UnheardError) Error() string { return e.text }

// errNever and neverError are found in no error.
var errNever = errors.New("no error wraps this")

type neverError struct{ error }

// Error is called where an error of code that is not ours comes in. It calls each method of it that is called from then on, and
// more, where that is not nil, within the bound. An error of which any does not return is replaced by its text, as far as that is
// known: its cause is not reached then. One that panics is left as it is, for whoever looks into it to bear with. [F1]
func Error(err error, more func()) error {
	if err == nil {
		return nil
	}
	var text atomic.Pointer[string]
	_, fault := For("a method of the error", func() struct{} {
		said := err.Error()
		text.Store(&said)
		_ = errors.Is(err, errNever)
		_, _ = errors.AsType[*neverError](err)
		if more != nil {
			more()
		}
		return struct{}{}
	})
	if f, ok := errors.AsType[*UnansweredError](fault); !ok || f.Stack != nil {
		return err
	}
	if said := text.Load(); said != nil {
		return &UnheardError{*said}
	}
	return &UnheardError{"it failed with an error that does not say why: " + fault.Error()}
}
