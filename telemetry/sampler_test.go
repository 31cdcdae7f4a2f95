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

// The transactions of a finite run are sampled one by one, each with all its attempts, and the run is always there.
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

// [O1] A sender decides whether a transaction is recorded only where it is trusted.
func TestSenderDecidesOnlyWhereItIsTrusted(t *testing.T) {
	for name, test := range map[string]struct {
		sampler telemetry.Sampler
		trust   any
		// what is recorded of a transaction that its sender has recorded, and has not
		recorded, not bool
	}{
		"by default":          {telemetry.SamplerParentAlwaysOn, telemetry.TrustNone, true, true},
		"nobody, off":         {telemetry.SamplerParentAlwaysOff, telemetry.TrustNone, false, false},
		"nobody, ratio":       {telemetry.SamplerParentRatio, telemetry.TrustNone, false, false},
		"everybody":           {telemetry.SamplerParentAlwaysOn, telemetry.TrustAll, true, false},
		"everybody, off":      {telemetry.SamplerParentAlwaysOff, telemetry.TrustAll, true, false},
		"this task":           {telemetry.SamplerParentAlwaysOff, []string{"other", "take"}, true, false},
		"this task, by YAML":  {telemetry.SamplerParentAlwaysOff, []any{"take"}, true, false},
		"another":             {telemetry.SamplerParentAlwaysOff, []string{"take2", "tak"}, false, false},
		"transactions":        {telemetry.SamplerTransactions, telemetry.TrustNone, false, false},
		"transactions, all":   {telemetry.SamplerTransactions, telemetry.TrustAll, true, false},
		"heeds no parent":     {telemetry.SamplerAlwaysOff, telemetry.TrustAll, false, false},
		"heeds no parent, on": {telemetry.SamplerAlwaysOn, telemetry.TrustNone, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := everywhere(collector(t).HTTP, telemetry.ProtocolHTTP)
			c.Metrics.Exporters, c.Logs.Exporters = nil, nil
			c.Traces.Sampler, c.Traces.Ratio, c.Trust = test.sampler, 0, test.trust
			p, _ := setup(t, c, telemetry.Settings{})
			for flags, want := range map[trace.TraceFlags]bool{trace.FlagsSampled: test.recorded, 0: test.not} {
				state, err := trace.ParseTraceState("vendor=kept")
				if err != nil {
					t.Fatal(err)
				}
				ctx := trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
					TraceID: trace.TraceID{0xff, 15: 1}, SpanID: trace.SpanID{1}, TraceFlags: flags, TraceState: state,
				}))
				_, span := p.TracerProvider.Tracer("test").Start(ctx, "process take", trace.WithSpanKind(trace.SpanKindConsumer))
				if span.IsRecording() != want {
					t.Errorf("sent with flags %s: recorded %v, want %v", flags, span.IsRecording(), want)
				}
				if got := span.SpanContext().TraceState().Get("vendor"); got != "kept" {
					t.Errorf("the state of the trace is %q", span.SpanContext().TraceState())
				}
				span.End()
			}
		})
	}
}

func TestTrustIsNoneAllOrAListOfTasks(t *testing.T) {
	for _, wrong := range []any{"some", 5, true, []any{"a", 5}, []any{""}, []string{""}, map[string]any{}} {
		c := telemetry.DefaultConfig()
		c.Trust = wrong
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "trust: ") {
			t.Errorf("%v: got %v", wrong, err)
		}
	}
	c := telemetry.DefaultConfig()
	c.Propagation = "follow"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "propagation") {
		t.Errorf("propagation: follow: got %v", err)
	}
}
