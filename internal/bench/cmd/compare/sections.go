package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ergon-go/ergon/internal/bench"
	"github.com/ergon-go/ergon/internal/humanize"
)

// section is one table.
type section struct {
	name, title string
	measure     func(context.Context, settings) (table, error)
}

func sections() []section {
	lifecycle := func() []bench.Entry { return bench.Entries(bench.Lifecycle(), bench.Noop()) }
	return []section{
		{"lifecycle", "The lifecycle, handlers that do nothing, a heap of 64 MiB", side(bench.Ballast, lifecycle, bareRatio)},
		{"lifecycle-empty-heap", "The same on an empty heap: garbage is collected every 4 MiB", side(0, lifecycle, bareRatio)},
		{"telemetry", "The cost of telemetry", side(bench.Ballast, func() []bench.Entry {
			return bench.Entries(bench.Telemetry(), bench.Noop())
		}, bareRatio)},
		{"export", "Exporting, with handlers that are busy for 100 µs", side(bench.Ballast, bench.Exports, throughput)},
		{"busy", "Handlers that are busy for 10 µs", side(bench.Ballast, bench.BusyHandlers, throughput)},
		{"sleeping", "Handlers that wait for 1 ms, 10,000 at once", side(bench.Ballast, bench.SleepingHandlers, throughput)},
		{"attempts", "A time limit for one call, one worker", attempts},
		{"scale", "Longer and longer runs", side(bench.Ballast, bench.Scale, bareRatio)},
		{"queue-enqueue", "Enqueueing, 100 in each durable commit", queues(bench.Enqueue)},
		{"queue-settle", "Claiming and settling, 100 in each durable commit", queues(bench.Settle)},
		{"queue-hop", "Hopping from queue to queue in one file, 100 in each durable commit", queues(bench.Hop)},
		{"queue-end-to-end", "From enqueueing to settlement, durable", queues(bench.EndToEnd)},
		{"queue-depth", "Claiming 100 of many", depth},
		{"river-enqueue", "Enqueueing beside River, 100 in each durable insert", queues(bench.RiverEnqueue)},
		{"river-work", "Working on what is enqueued beside River, 100 workers", queues(bench.RiverWork)},
		{"footprint", "100,000 transactions in flight that wait", footprint},
		{"timeouts", "1,000 handlers at once that ignore their context, timeout 100 ms", timeouts},
	}
}

// queues compares contestants that keep their queues in files.
func queues(contestants func(*bench.QueueFiles) []bench.Contestant) func(context.Context, settings) (table, error) {
	return inFolder(func(ctx context.Context, s settings, files *bench.QueueFiles) (table, error) {
		return side(bench.Ballast, func() []bench.Entry { return bench.Queued(contestants(files)) }, throughput)(ctx, s)
	})
}

// depth is how claiming depends on how many wait.
func depth(ctx context.Context, s settings) (table, error) {
	return inFolder(func(ctx context.Context, _ settings, files *bench.QueueFiles) (table, error) {
		t := table{{"", "claim", "settle"}}
		for _, depth := range []int{1_000, 1_000_000} {
			claim, settle, err := bench.Claims(ctx, files, depth, claimRounds)
			if err != nil {
				return nil, err
			}
			t = append(t, []string{humanize.Count(depth) + " waiting", claim.String(), settle.String()})
		}
		return t, nil
	})(ctx, s)
}

const claimRounds = 300

// inFolder has run use a folder for its files: in the working directory, because that for temporary files may be in memory.
func inFolder(run func(context.Context, settings, *bench.QueueFiles) (table, error)) func(context.Context, settings) (table, error) {
	return func(ctx context.Context, s settings) (t table, err error) {
		folder, err := os.MkdirTemp(".", ".compare-")
		if err != nil {
			return nil, fmt.Errorf("make a folder: %w", err)
		}
		files := bench.NewQueueFiles(folder)
		t, err = run(ctx, s, files)
		return t, errors.Join(err, files.Close(), os.RemoveAll(folder))
	}
}

// summary is how a comparison is summed up.
type summary struct {
	head, format string
	of           func(ratio float64) float64
}

var (
	bareRatio  = summary{"ratio", "%.2f", func(ratio float64) float64 { return ratio }}
	throughput = summary{"throughput", "%.1f %%", func(ratio float64) float64 { return 100 / ratio }}
)

func (s summary) text(ratio float64) string { return fmt.Sprintf(s.format, s.of(ratio)) }

func (s summary) spread(low, high float64) string {
	if s.of(low) > s.of(high) {
		low, high = high, low
	}
	return s.text(low) + " – " + s.text(high)
}

// side compares entries side by side, each with the first.
func side(heap int, entries func() []bench.Entry, by summary) func(context.Context, settings) (table, error) {
	return func(ctx context.Context, s settings) (table, error) {
		var rows []bench.Row
		err := bench.WithHeap(heap, func() (err error) {
			rows, err = compared(ctx, s, entries()...)
			return err
		})
		return sideTable(rows, by), err
	}
}

func compared(ctx context.Context, s settings, entries ...bench.Entry) ([]bench.Row, error) {
	comparison, err := bench.Compare(ctx, s.length, entries...)
	if err != nil {
		return nil, err
	}
	for range s.rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := comparison.Round(ctx); err != nil {
			return nil, err
		}
	}
	return comparison.Rows(), nil
}

func attempts(ctx context.Context, s settings) (table, error) {
	var rows []bench.Row
	err := bench.WithHeap(bench.Ballast, func() (err error) {
		rows, err = compared(ctx, s, bench.Attempts()...)
		return err
	})
	if err != nil {
		return table{}, err
	}
	return sideTable(bench.AttemptRows(rows), bareRatio), nil
}

func footprint(ctx context.Context, s settings) (table, error) {
	const inFlight, most = 100_000, 3
	t := table{{"", "bytes each"}}
	first, err := bench.Footprints()[0].Footprint(ctx, inFlight)
	if err != nil {
		return nil, err
	}
	t = append(t, []string{bench.Footprints()[0].Name + ", for the first time", fmt.Sprintf("%.0f", first)})
	for _, w := range bench.Footprints() {
		var bytes []float64
		for range min(s.rounds, most) {
			each, err := w.Footprint(ctx, inFlight)
			if err != nil {
				return nil, err
			}
			bytes = append(bytes, each)
		}
		t = append(t, []string{w.Name, fmt.Sprintf("%.0f", bench.Median(bytes))})
	}
	return t, nil
}

func timeouts(ctx context.Context, s settings) (table, error) {
	const stuck, timeout = 1_000, 100 * time.Millisecond
	var ergon, timers []bench.Lateness
	err := bench.WithHeap(bench.Ballast, func() error {
		for range s.rounds {
			l, err := bench.TimeoutsOf(ctx, stuck, timeout)
			if err != nil {
				return err
			}
			ergon = append(ergon, l)
			if l, err = bench.TimersOf(ctx, stuck, timeout); err != nil {
				return err
			}
			timers = append(timers, l)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return table{
		{"", "p50 late", "p99 late", "latest of all", "goroutines left", "live after the first", "after the last round"},
		append(lateness("ergon: recorded TIMEOUT", ergon),
			worst(ergon, func(l bench.Lateness) float64 { return float64(l.Goroutines) }, "%.0f"),
			mebibytes(ergon[0].Live-bench.Ballast), mebibytes(ergon[len(ergon)-1].Live-bench.Ballast)),
		append(lateness("bare timers", timers), "", "", ""),
	}, nil
}

// lateness is the median over the rounds, except the latest of all.
func lateness(name string, rounds []bench.Lateness) []string {
	late := func(part float64) func(bench.Lateness) float64 {
		return func(l bench.Lateness) float64 { return float64(l.At(part)) / float64(time.Millisecond) }
	}
	const format = "%.2f ms"
	return []string{name, median(rounds, late(0.5), format), median(rounds, late(0.99), format), worst(rounds, late(1), format)}
}

func median(rounds []bench.Lateness, of func(bench.Lateness) float64, format string) string {
	values := make([]float64, len(rounds))
	for i, l := range rounds {
		values[i] = of(l)
	}
	return fmt.Sprintf(format, bench.Median(values))
}

func worst(rounds []bench.Lateness, of func(bench.Lateness) float64, format string) string {
	most := of(rounds[0])
	for _, l := range rounds {
		most = max(most, of(l))
	}
	return fmt.Sprintf(format, most)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
