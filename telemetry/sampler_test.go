package telemetry_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/telemetry"
)

// sampled counts how many of n traces a sampler records, without parent and below one that is recorded or not.
func sampled(t *testing.T, sampler telemetry.Sampler, ratio float64, n int) (roots, below, belowNone int) {
	t.Helper()
	r := collector(t)
	c := everywhere(r.HTTP, telemetry.ProtocolHTTP)
	c.Metrics.Exporters, c.Logs.Exporters = nil, nil
	c.Traces.Sampler, c.Traces.Ratio = sampler, ratio
	p, _ := setup(t, c, telemetry.Settings{})
	tracer := p.TracerProvider.Tracer("test")
	recorded := func(flags trace.TraceFlags, id byte) bool {
		ctx := t.Context()
		if id > 0 {
			ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: trace.TraceID{id, 15: id}, SpanID: trace.SpanID{id}, TraceFlags: flags,
			}))
		}
		_, span := tracer.Start(ctx, "work")
		defer span.End()
		return span.IsRecording()
	}
	for range n {
		roots += map[bool]int{true: 1}[recorded(0, 0)]
		below += map[bool]int{true: 1}[recorded(trace.FlagsSampled, 0xff)] // an id that no ratio below 1 records
		belowNone += map[bool]int{true: 1}[recorded(0, 0x01)]
	}
	return roots, below, belowNone
}

func TestSamplersDecideAsTheirNamesSay(t *testing.T) {
	const n = 400
	for sampler, want := range map[telemetry.Sampler]struct{ least, most, below, belowNone int }{
		telemetry.SamplerAlwaysOn:        {n, n, n, n},
		telemetry.SamplerAlwaysOff:       {0, 0, 0, 0},
		telemetry.SamplerRatio:           {n / 5, n * 3 / 10, 0, n},
		telemetry.SamplerParentAlwaysOn:  {n, n, n, 0},
		telemetry.SamplerParentAlwaysOff: {0, 0, n, 0},
		telemetry.SamplerParentRatio:     {n / 5, n * 3 / 10, n, 0},
		telemetry.SamplerTransactions:    {n, n, n, 0}, // none of them is a transaction
	} {
		t.Run(string(sampler), func(t *testing.T) {
			roots, below, belowNone := sampled(t, sampler, 0.25, n)
			if roots < want.least-n/10 || roots > want.most+n/10 {
				t.Errorf("got %d of %d roots, want from %d to %d", roots, n, want.least, want.most)
			}
			if sampler != telemetry.SamplerRatio && (below != want.below || belowNone != want.belowNone) {
				t.Errorf("got %d below a span that is recorded and %d below one that is not, want %d and %d",
					below, belowNone, want.below, want.belowNone)
			}
		})
	}
}

// A finite run is one trace. Its transactions are sampled one by one all the same, each with all its attempts.
func TestTransactionsOfOneRunAreSampledOneByOne(t *testing.T) {
	for name, test := range map[string]struct {
		ratio float64
		want  bool
	}{"none": {0, false}, "all": {1, true}} {
		t.Run(name, func(t *testing.T) {
			r := collector(t)
			c := everywhere(r.HTTP, telemetry.ProtocolHTTP)
			c.Traces.Sampler, c.Traces.Ratio = telemetry.SamplerTransactions, test.ratio
			p, _ := setup(t, c, telemetry.Settings{})
			if err := run(t, p); err != nil {
				t.Fatal(err)
			}
			names := map[string]bool{}
			for _, s := range r.Spans() {
				first, _, _ := strings.Cut(s.GetName(), " ")
				names[first] = true
			}
			if !names["task.run"] || !names["task.start"] {
				t.Errorf("got spans %v, want that of the run in any case", names)
			}
			for _, unit := range []string{"process", "fetch", "settle"} {
				if names[unit] != test.want {
					t.Errorf("got %t for spans of %s, want %t", names[unit], unit, test.want)
				}
			}
		})
	}
}
