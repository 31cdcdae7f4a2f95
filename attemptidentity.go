package ergon

import (
	"context"
	"sync/atomic"

	"github.com/ergon-go/ergon/internal/fence"
)

// identity is what every context that is derived from an attempt's knows it by, also where it outlives the attempt [T1].
type identity struct {
	context.Context //nolint:containedctx // of whoever makes the attempt

	givenUp atomic.Bool
	outer   fence.Attempt // that this one is a part of; nil for none
}

var _ fence.Attempt = (*identity)(nil)

// Value answers with the attempt itself.
func (i *identity) Value(key any) any {
	if key == any(fence.Key{}) {
		return i
	}
	return i.Context.Value(key)
}

// AfterFunc keeps contexts derived from this one from starting a goroutine each: package context looks for it. A context that has
// the method itself is asked directly, which costs three allocations less.
func (i *identity) AfterFunc(f func()) (stop func() bool) {
	if around, ok := i.Context.(interface {
		AfterFunc(f func()) (stop func() bool)
	}); ok {
		return around.AfterFunc(f)
	}
	return context.AfterFunc(i.Context, f)
}

// GivenUp reports whether the caller, or that of an attempt around this one, has gone on without the function.
func (i *identity) GivenUp() bool { return i.givenUp.Load() || i.outer != nil && i.outer.GivenUp() }
