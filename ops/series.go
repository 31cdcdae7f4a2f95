package ops

import (
	"time"

	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

const (
	// remembered is how many seconds a series has.
	remembered = 3600
	// recently is how far back the figures of now reach: rates over ten seconds, latencies over a minute.
	recentRate    = 10
	recentLatency = 60
	// maxPoints is how many points a chart gets.
	maxPoints = 300
)

// Point has the figures of one or several seconds.
type Point struct {
	At time.Time `json:"at"`
	// Succeeded, Failed and Other are transactions per second: Failed were dead-lettered, discarded or failed otherwise for
	// good; Other are to be delivered again.
	Succeeded float64 `json:"succeeded"`
	Failed    float64 `json:"failed"`
	Other     float64 `json:"other"`
	// InFlight is at the end.
	InFlight int64 `json:"in_flight"`
	// P50 and P99 are of the attempts to process, or to prepare, that ended; zero where none did.
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// total is what all transactions came to until then.
type total struct {
	at                       time.Time
	succeeded, failed, other int64
	attempts                 []runner.Bucket
}

// series is the last hour of a task, second by second.
type series struct {
	points []Point // the oldest at next once there are as many as are remembered
	next   int
	totals []total // of the last minute, the oldest first
}

func (s *series) add(now time.Time, snapshot runner.Snapshot) {
	is := totalOf(now, snapshot)
	if n := len(s.totals); n > 0 {
		p := s.totals[n-1].until(is)
		p.InFlight = snapshot.InFlight
		s.point(p)
	}
	s.totals = append(s.totals, is)
	if len(s.totals) > recentLatency+1 {
		s.totals = append(s.totals[:0], s.totals[1:]...)
	}
}

func (s *series) point(p Point) {
	if len(s.points) < remembered {
		s.points = append(s.points, p)
		return
	}
	s.points[s.next] = p
	s.next = (s.next + 1) % remembered
}

func totalOf(now time.Time, s runner.Snapshot) total {
	t := total{at: now}
	for outcome, n := range s.Outcomes {
		switch outcome {
		case runner.Succeeded:
			t.succeeded += n
		case runner.DeadLettered, runner.Discarded, runner.HandlerFailed, runner.Failed:
			t.failed += n
		default:
			t.other += n
		}
	}
	stats, ok := s.Phases[policy.PhaseProcess]
	if !ok {
		stats = s.Phases[policy.PhasePrepare]
	}
	t.attempts = stats.Buckets
	return t
}

// until is what happened from t to later. A worker process that was killed may take counts with it: no rate is negative.
func (t total) until(later total) Point {
	seconds := max(later.at.Sub(t.at).Seconds(), 1e-3)
	rate := func(from, to int64) float64 { return float64(max(to-from, 0)) / seconds }
	attempts := minus(later.attempts, t.attempts)
	return Point{
		At: later.at, Succeeded: rate(t.succeeded, later.succeeded), Failed: rate(t.failed, later.failed), Other: rate(t.other, later.other),
		P50: percentile(attempts, 50), P99: percentile(attempts, 99),
	}
}

// now is what the last seconds came to: rates, and latencies over the last minute.
func (s *series) now() (rates Point, latencies []runner.Bucket) {
	n := len(s.totals)
	if n < 2 {
		return Point{}, nil
	}
	last := s.totals[n-1]
	return s.totals[max(n-1-recentRate, 0)].until(last), minus(last.attempts, s.totals[0].attempts)
}

// window is the last part of the series in points that are even: rates are averaged, of the rest the highest counts.
func (s *series) window(length time.Duration) []Point {
	seconds := min(int(length/time.Second), remembered)
	ordered := append(append(make([]Point, 0, len(s.points)), s.points[s.next:]...), s.points[:s.next]...)
	ordered = ordered[max(len(ordered)-seconds, 0):]
	each := max((seconds+maxPoints-1)/maxPoints, 1)
	var points []Point
	for end := len(ordered); end > 0; end -= each {
		points = append(points, together(ordered[max(end-each, 0):end]))
	}
	for i, j := 0, len(points)-1; i < j; i, j = i+1, j-1 {
		points[i], points[j] = points[j], points[i]
	}
	return points
}

func together(points []Point) Point {
	all := Point{At: points[len(points)-1].At}
	n := float64(len(points))
	for _, p := range points {
		all.Succeeded += p.Succeeded / n
		all.Failed += p.Failed / n
		all.Other += p.Other / n
		all.InFlight = max(all.InFlight, p.InFlight)
		all.P50, all.P99 = max(all.P50, p.P50), max(all.P99, p.P99)
	}
	return all
}
