package pipeline

import (
	"slices"

	"github.com/ergon-go/ergon"
)

// filters drop what fetches bring that the source takes back meanwhile. deliveries.mu guards them.
type filters struct {
	fetches int       // calls of the source that may still bring something
	all     []*filter // of the revocations that last, or have ended since the oldest of these calls began
	dropped int       // how many were before the first of all
}

type matchFunc = func(ergon.Delivery) bool

// filter is that of one revocation. It is for the fetches in progress as that began, and for those that begin while it lasts.
type filter struct {
	match matchFunc
	lasts bool
}

// since is the number of the first filter for a fetch that begins.
func (f *filters) since() int {
	if i := slices.IndexFunc(f.all, func(by *filter) bool { return by.lasts }); i >= 0 {
		return f.dropped + i
	}
	return f.dropped + len(f.all)
}

// forget drops the filters that no fetch needs any more.
func (f *filters) forget() {
	if f.fetches == 0 && !slices.ContainsFunc(f.all, func(by *filter) bool { return by.lasts }) {
		f.dropped, f.all = f.dropped+len(f.all), nil
	}
}
