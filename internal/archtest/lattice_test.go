// Do not relax this table to fix a build.
//
// It is the import lattice of the design, package by package. When it fails, the code is in the wrong package or a package
// knows too much: move the code, or hand it what it needs as a value or an interface. A new package gets a row with the
// least that it needs. A row is widened only by a decision record in docs/decisions that says why the design was wrong.
package archtest_test

import (
	"slices"
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

var (
	// What instrumented code needs of OpenTelemetry: the API, without the SDK and the exporters.
	otelAPI = []string{
		"go.opentelemetry.io/otel", "go.opentelemetry.io/otel/attribute", "go.opentelemetry.io/otel/baggage",
		"go.opentelemetry.io/otel/codes", "go.opentelemetry.io/otel/metric/...", "go.opentelemetry.io/otel/propagation",
		"go.opentelemetry.io/otel/semconv/...", "go.opentelemetry.io/otel/trace/...",
	}
	anyThirdParty = []string{"*/..."}

	// The parts that a program is put together from, and all of it below the programs.
	// The vocabulary: what everybody else speaks.
	words = []string{".", "policy", "capability", "deadletter"}
	core  = slices.Concat(words, []string{
		"internal/ask", "internal/coalesce", "internal/lifecycle", "internal/pipeline", "internal/placement", "internal/sink", "internal/spans",
		"internal/suggest", "observe",
	})
	parts = slices.Concat(core, []string{"connector/...", "service/...", "task/...", "config", "ergontest/...", "runner"})
	// A program's own layers, each on top of those before it.
	telemetryAndConsole = []string{"telemetry/...", "ops", "console"}
	// Examples show what a user can do, who cannot reach internal packages.
	public = []string{
		".", "policy", "capability", "deadletter", "connector/...", "service/...", "task/...", "config", "ergontest/...", "runner",
		"telemetry/...", "observe", "ops", "console", "app/...",
	}
)

var lattice = archtest.Lattice{
	TestKit: []string{
		"github.com/ergon-go/ergon/ergontest/...",
		"github.com/ergon-go/ergon/internal/otelrecord",
		"github.com/ergon-go/ergon/internal/queuemodel",
		"github.com/ergon-go/ergon/internal/servertest",
		"github.com/google/go-cmp/...",
		"go.opentelemetry.io/otel/...", // outside the root module, which may not require it, the SDK as well
	},
	Rules: slices.Concat(commandLine, []archtest.Rule{
		{Packages: "policy", TestOurs: parts},
		{Packages: "internal/lifecycle", Ours: []string{"policy"}, TestOurs: parts},
		{Packages: "internal/spans", ThirdParty: otelAPI, TestOurs: parts},
		// A recorder for tests, in place of the SDK's. Decision 0149.
		{Packages: "internal/otelrecord", ThirdParty: otelAPI},
		{Packages: "internal/ask", Ours: []string{"internal/panics"}},
		{Packages: "internal/sink"},
		{Packages: "internal/stats", Ours: []string{"internal/spans"}, ThirdParty: otelAPI},
		{Packages: "internal/fence"},
		{Packages: "internal/archtest"},
		{Packages: "internal/reexec"},
		{Packages: "internal/servertest"},
		{Packages: "internal/queuemodel", Ours: words},
		// What the queues in databases store is one design. Decision 0183.
		{Packages: "internal/queueitem", Ours: words},
		{Packages: "internal/placement", Ours: []string{".", "policy", "capability"}},
		{Packages: "internal/guard"},
		{Packages: "internal/deepcopy", TestOurs: []string{"."}},
		{Packages: "internal/strictjson"},
		{Packages: "internal/nearmiss"},
		{Packages: "internal/suggest"},
		{Packages: "internal/humanize"},
		{Packages: "internal/readable"},
		{Packages: "internal/panics"},
		{Packages: "internal/attempt", Ours: []string{"internal/fence"}, ThirdParty: []string{"go.opentelemetry.io/otel/trace/..."}},
		{Packages: "internal/inline", Ours: []string{".", "internal/panics"}},
		{Packages: "internal/tracecontext", Ours: []string{".", "internal/spans"}, ThirdParty: otelAPI},
		{
			Packages: "internal/coalesce", TestOurs: []string{"connector/memory"},
			Ours: []string{".", "policy", "capability", "internal/fence", "internal/foreign", "internal/tracecontext"},
		},
		// Decision 0153.
		{Packages: "internal/foreign", Ours: []string{".", "policy", "capability", "internal/panics"}},
		{
			Packages: ".", TestOurs: parts,
			Ours: []string{
				"policy", "internal/attempt", "internal/deepcopy", "internal/nearmiss", "internal/panics", "internal/spans",
				"internal/strictjson",
			},
			ThirdParty: append([]string{"github.com/google/uuid"}, otelAPI...),
		},
		{
			Packages: "internal/pipeline", TestOurs: parts,
			Ours: slices.Concat(words, []string{
				"internal/ask", "internal/attempt", "internal/coalesce", "internal/fence", "internal/foreign", "internal/inline",
				"internal/lifecycle", "internal/panics", "internal/readable", "internal/sink", "internal/spans", "internal/stats",
				"internal/tracecontext", "observe",
			}),
			ThirdParty: append([]string{"github.com/failsafe-go/failsafe-go/...", "golang.org/x/..."}, otelAPI...),
		},
		{Packages: "observe", Ours: []string{"policy"}, TestOurs: parts},
		{Packages: "capability", Ours: []string{".", "policy", "internal/ask"}, ThirdParty: otelAPI},
		{Packages: "deadletter", Ours: []string{".", "policy"}, TestOurs: parts},
		{Packages: "config", Ours: append([]string{"internal/suggest"}, words...), TestOurs: parts, ThirdParty: []string{"go.yaml.in/yaml/v4"}},

		// Connectors and services never import each other, in their tests neither. Those with dependencies are modules.
		// Readers of files: bytes in, records with positions out.
		{Packages: "connector/file/internal/content"},
		{Packages: "connector/file/internal/records", Ours: []string{"connector/file/internal/content"}},
		{Packages: "connector/file/...", Ours: words},
		{Packages: "connector/memory/...", Ours: words},
		// It registers them together, for programs. Decision 0120.
		{Packages: "connector/sqlite/stock", Ours: []string{"config", "connector/file", "connector/sqlite"}, TestOurs: []string{"."}},
		{Packages: "connector/postgres/stock", Ours: []string{"config", "connector/postgres"}, TestOurs: []string{"."}},
		{Packages: "connector/sqlite/...", Ours: append([]string{"internal/queueitem"}, words...), ThirdParty: anyThirdParty},
		{Packages: "connector/postgres/...", Ours: append([]string{"internal/queueitem"}, words...), ThirdParty: anyThirdParty},
		{Packages: "connector/*/...", Ours: words, ThirdParty: anyThirdParty},
		// Decision 0060.
		{Packages: "service/command", Ours: slices.Concat(words, []string{"internal/guard", "internal/spans"}), ThirdParty: otelAPI},
		{Packages: "service/webhook", Ours: words, ThirdParty: otelAPI},
		{Packages: "service/*/...", Ours: words, ThirdParty: anyThirdParty},
		// Tasks that come with Ergon know services by an interface of their own.
		{Packages: "task/*/...", Ours: words},

		// The test kit records spans by the API, so that who tests a task needs no SDK. The suite needs the vocabulary only.
		// Decisions 0105, 0134.
		{
			Packages: "ergontest", TestOurs: parts,
			Ours:       slices.Concat(words, []string{"internal/coalesce", "internal/foreign", "internal/pipeline"}),
			ThirdParty: otelAPI,
		},
		{Packages: "ergontest/connectortest", Ours: words, TestOurs: parts},
		{Packages: "ergontest/tcpproxy"},
		{
			Packages: "runner", Ours: append([]string{"internal/reexec"}, core...), TestOurs: parts,
			ThirdParty: append([]string{"golang.org/x/..."}, otelAPI...),
		},

		// From here on up: anything above.
		{
			Packages: "telemetry/...", Ours: slices.Concat(parts, []string{"internal/stats"}), TestOurs: []string{"internal/otlptest"},
			ThirdParty: []string{
				"go.opentelemetry.io/...", "github.com/DeRuina/timberjack", "github.com/prometheus/client_golang/...",
				"google.golang.org/grpc/...", "google.golang.org/protobuf/...",
			},
		},
		// What operators are served asks the runner alone; what it shows of dead letters and configuration is handed to it.
		{Packages: "ops", Ours: slices.Concat(words, []string{"observe", "runner"}), TestOurs: parts},
		{Packages: "console", Ours: slices.Concat(words, []string{"internal/humanize", "observe", "ops"}), TestOurs: parts},
		// A program for a browser to look at, with a driver: a module of its own.
		{Packages: "console/browsertest/...", Ours: slices.Concat(parts, []string{"app/..."})},
		{Packages: "cmd/*/...", Ours: slices.Concat(parts, telemetryAndConsole, []string{"app/..."})},
		{Packages: "examples/*/...", Ours: public},
		// A receiver for the tests of two modules.
		{
			Packages:   "internal/otlptest",
			ThirdParty: []string{"go.opentelemetry.io/proto/otlp/...", "google.golang.org/grpc/...", "google.golang.org/protobuf/..."},
		},
		// It looks into the file behind the queue's back, which takes the driver.
		{
			Packages: "internal/crashrun/...", Ours: slices.Concat(words, []string{"connector/sqlite", "runner"}),
			ThirdParty: []string{"modernc.org/sqlite"},
		},
		// Programs as users write them, and an auditor beside them.
		{Packages: "internal/pairs", Ours: public, TestOurs: public},
		// The peers that it compares with are the reason why it is a module of its own.
		{
			Packages: "internal/bench/...", Ours: slices.Concat(parts, telemetryAndConsole, []string{"app/...", "internal/humanize"}),
			ThirdParty: anyThirdParty,
		},
	}),
}

func TestPackagesImportOnlyWhatTheLatticeAllows(t *testing.T) {
	report(t, lattice.Check(repository(t)))
}

func TestLatticeRefusesWhatItDoesNotAllow(t *testing.T) {
	small := archtest.Lattice{
		TestKit: []string{"example.org/cmp"},
		Rules: []archtest.Rule{
			{Packages: "."},
			{Packages: "till", Ours: []string{"."}, ThirdParty: []string{"example.org/api/..."}, TestOurs: []string{"shelf/..."}},
			{Packages: "shelf/*/...", Ours: []string{"."}},
		},
	}
	const (
		refused = "may not import"
		unknown = "in no row"
	)
	for name, c := range map[string]struct {
		file, source string
		want         []string
	}{
		"standard library":             {"a.go", `package a; import "net/http"`, nil},
		"cgo":                          {"a.go", `package a; import "C"`, []string{refused}},
		"third party not listed":       {"a.go", `package a; import "example.org/api"`, []string{refused}},
		"third party listed":           {"till/a.go", `package a; import "example.org/api/v2"`, nil},
		"third party of a like name":   {"till/a.go", `package a; import "example.org/apis"`, []string{refused}},
		"ours listed":                  {"till/a.go", `package a; import "example.org/shop"`, nil},
		"ours not listed":              {"a.go", `package a; import "example.org/shop/till"`, []string{refused}},
		"module of a like name":        {"till/a.go", `package a; import "example.org/shopping"`, []string{refused}},
		"two faults in one file":       {"a.go", `package a; import ("example.org/api"; "example.org/shop/till")`, []string{refused, refused}},
		"same unit":                    {"shelf/book/a.go", `package a; import "example.org/shop/shelf/book/page"`, nil},
		"unit of the same kind":        {"shelf/book/a.go", `package a; import "example.org/shop/shelf/toy"`, []string{refused}},
		"test kit in a test":           {"a_test.go", `package a; import "example.org/cmp"`, nil},
		"test kit outside tests":       {"a.go", `package a; import "example.org/cmp"`, []string{refused}},
		"own package in a test":        {"till/a_test.go", `package a_test; import "example.org/shop/till"`, nil},
		"ours listed for tests":        {"till/a_test.go", `package a_test; import "example.org/shop/shelf/toy"`, nil},
		"ours for tests, outside them": {"till/a.go", `package a; import "example.org/shop/shelf/toy"`, []string{refused}},
		"test of a unit of a kind":     {"shelf/book/a_test.go", `package a_test; import "example.org/shop/shelf/toy"`, []string{refused}},
		"package that has no row":      {"cellar/a.go", `package a`, []string{unknown}},
		"folder below an exact row":    {"till/drawer/a.go", `package a`, []string{unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, small.Check(fixture(t, map[string]string{c.file: c.source})), c.want...)
		})
	}
}
