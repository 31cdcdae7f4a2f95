package capability

import (
	"strings"

	"github.com/ergon-go/ergon"
)

// As returns a connector as a T: an interface of this package, [ergon.Fetcher] or [ergon.Dispatcher]. It returns false if the type
// of the connector is no T, or if the declaration of the connector says that it lacks T [K1]. All code that looks for an interface
// of a connector uses it, and no type assertion. It is for the start: it may call Declare, which takes a goroutine.
func As[T any](connector any) (T, bool) {
	found, is := connector.(T)
	wanted := setOf[T]()
	if !is || wanted == 0 {
		return found, is
	}
	if declared, err := declare(connector); err == nil && declared.Lacks&wanted != 0 {
		var none T
		return none, false
	}
	return found, true
}

// Set is a set of interfaces of connectors.
type Set uint16

// The interfaces that a connector can lack although its type has them.
const (
	CanFetch Set = 1 << iota
	CanDispatch
	CanSettle
	CanLease
	CanResolve
	CanCount
	CanHop
	CanInspect
	CanReplay
	CanAttach
)

// Can returns the interfaces that a connector has and does not lack, of those that a connector can lack.
func Can(connector any) (Set, error) {
	declared, err := declare(connector)
	if err != nil {
		return 0, err
	}
	var has Set
	for _, one := range []struct {
		set Set
		is  bool
	}{
		{CanFetch, is[ergon.Fetcher](connector)},
		{CanDispatch, is[ergon.Dispatcher](connector)},
		{CanSettle, is[Settler](connector)},
		{CanLease, is[LeaseKeeper](connector)},
		{CanResolve, is[Resolver](connector)},
		{CanCount, is[Counter](connector)},
		{CanHop, is[Hopper](connector)},
		{CanInspect, is[Inspector](connector)},
		{CanReplay, is[Replayer](connector)},
		{CanAttach, is[Attacher](connector)},
	} {
		if one.is {
			has |= one.set
		}
	}
	return has &^ declared.Lacks, nil
}

func is[T any](connector any) bool {
	_, ok := connector.(T)
	return ok
}

var verbs = [...]string{ //nolint:gochecknoglobals // Go has no constants of this kind
	"fetch", "dispatch", "settle", "lease", "resolve", "count", "hop", "inspect", "replay", "attach",
}

// Words lists the set in words, such as "dispatch" and "hop".
func (s Set) Words() []string {
	var words []string
	for i, verb := range verbs {
		if s&(1<<i) != 0 {
			words = append(words, verb)
		}
	}
	return words
}

// String is Words, separated by commas; "none" for the empty set.
func (s Set) String() string {
	if s == 0 {
		return "none"
	}
	return strings.Join(s.Words(), ", ")
}

// setOf returns the set of the interface T alone; the empty set for a type that a declaration cannot take away.
func setOf[T any]() Set {
	switch any((*T)(nil)).(type) {
	case *ergon.Fetcher:
		return CanFetch
	case *ergon.Dispatcher:
		return CanDispatch
	case *Settler:
		return CanSettle
	case *LeaseKeeper:
		return CanLease
	case *Resolver:
		return CanResolve
	case *Counter:
		return CanCount
	case *Hopper:
		return CanHop
	case *Inspector:
		return CanInspect
	case *Replayer:
		return CanReplay
	case *Attacher:
		return CanAttach
	default:
		return 0
	}
}
