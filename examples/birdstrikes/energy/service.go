package energy

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrUnavailable means that the service could not answer. The next call may succeed.
var ErrUnavailable = errors.New("the energy service is unavailable")

// Service estimates the energy of impacts. It is safe for concurrent use.
type Service struct {
	faults Faults

	mu    sync.Mutex
	asked map[string]int // how often, by report: those that the service owes an answer
}

// NewService returns a service that fails as its script says. With the zero Faults it never fails.
func NewService(f Faults) *Service { return &Service{faults: f, asked: map[string]int{}} }

// Estimate returns the energy of an impact, or ErrUnavailable. An unknown size is BUSINESS, because another call would not help.
// Estimate may take as long as ctx allows and returns when ctx ends, so pass a context that ends.
func (s *Service) Estimate(ctx context.Context, of Impact) (Joules, error) {
	switch s.next(of.Report) {
	case unavailable:
		return 0, ErrUnavailable
	case hanging:
		<-ctx.Done()
		return 0, fmt.Errorf("wait for the energy service: %w", context.Cause(ctx))
	default:
		return of.energy()
	}
}

// next is what happens this time. It remembers a report until it is answered, so no more than are being processed.
func (s *Service) next(report string) fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[report]++
	f := s.faults.at(report, s.asked[report])
	if f == none {
		delete(s.asked, report)
	}
	return f
}
