package command

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
)

// environ is what every run of the program has around it: of Ergon's own environment what it is found, looks for its files and
// speaks by, as everything else may be a secret, and what the configuration says.
func environ(c Config, own []string) []string {
	names := slices.Concat([]string{"PATH", "HOME", "LANG", "LC_*", "TZ", "TMPDIR"}, c.EnvPass)
	all := slices.DeleteFunc(slices.Clone(own), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		_, replaced := c.Env[name]
		return replaced || !slices.ContainsFunc(names, func(pattern string) bool { return matches(pattern, name) })
	})
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		all = append(all, name+"="+c.Env[name])
	}
	return all
}

// matches reports whether a name is that of a pattern, which may have a * at its end.
func matches(pattern, name string) bool {
	if beginning, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, beginning)
	}
	return name == pattern
}

// variables tells a program about its transaction: ERGON_TRANSACTION_ID, ERGON_IDEMPOTENCY_KEY, ERGON_ATTEMPT, ERGON_DELIVERY_COUNT,
// each key of its metadata as ERGON_META_KEY, and TRACEPARENT, TRACESTATE and BAGGAGE.
func variables(ctx context.Context, tx ergon.Transaction) []string {
	attempt := 1
	if scope, ok := spans.ScopeFrom(ctx); ok {
		attempt = max(scope.Attempt, 1)
	}
	all := []string{
		"ERGON_TRANSACTION_ID=" + withoutNUL(tx.ID()),
		"ERGON_IDEMPOTENCY_KEY=" + tx.IdempotencyKey(),
		"ERGON_ATTEMPT=" + strconv.Itoa(attempt),
		"ERGON_DELIVERY_COUNT=" + strconv.Itoa(tx.Delivery().Count),
	}
	for key, value := range tx.AllMetadata() {
		if key != "traceparent" && key != "tracestate" && key != "baggage" { // they have variables of their own
			all = append(all, "ERGON_META_"+variableName(key)+"="+withoutNUL(value))
		}
	}
	for key, value := range traceOf(ctx, tx) {
		all = append(all, strings.ToUpper(key)+"="+withoutNUL(value))
	}
	return all
}

// traceOf is the span of the attempt or, where nothing traces, the context that came with the transaction, if it is valid.
func traceOf(ctx context.Context, tx ergon.Transaction) propagation.MapCarrier {
	var came, carrier propagation.MapCarrier = map[string]string{}, map[string]string{}
	maps.Insert(came, tx.AllMetadata())
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = propagation.TraceContext{}.Extract(ctx, came)
	}
	if baggage.FromContext(ctx).Len() == 0 {
		ctx = propagation.Baggage{}.Extract(ctx, came)
	}
	propagation.TraceContext{}.Inject(ctx, carrier)
	propagation.Baggage{}.Inject(ctx, carrier)
	return carrier
}

// variableName has capital letters, digits and underscores only.
func variableName(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		default:
			return '_'
		}
	}, key)
}

// withoutNUL is a value that a variable can have.
func withoutNUL(value string) string { return strings.ReplaceAll(value, "\x00", "") }

func below(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// absolute is a path that means the same in every working directory.
func absolute(path string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}
