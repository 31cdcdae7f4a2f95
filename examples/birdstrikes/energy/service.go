package energy

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrUnavailable is an answer that the service could not give. The same question may well be answered the next time.
var ErrUnavailable = errors.New("the energy service is unavailable")

// Service answers how much energy an impact had. It is safe for concurrent use.
type Service struct {
	faults Faults

	mu    sync.Mutex
	asked map[string]int // how often, by report: those that the service owes an answer
}

// NewService returns a service that fails as its script says. The zero Faults make one that never fails.
func NewService(f Faults) *Service { return &Service{faults: f, asked: map[string]int{}} }

// Estimate returns the energy of an impact, or ErrUnavailable; a size that it does not know is BUSINESS, as asking again
// would not help. It may take as long as ctx allows, so give it one that ends: at the latest then it returns.
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
