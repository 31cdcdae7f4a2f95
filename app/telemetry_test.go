package app_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/internal/otlptest"
)

func collector(t *testing.T) *otlptest.Receiver {
	t.Helper()
	r, err := otlptest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// [O1, O3] The section telemetry is all that a program needs to be seen.
func TestRunIsExportedAsTheConfigurationSays(t *testing.T) {
	r := collector(t)
	in(t, twoTasks+"telemetry:\n  otlp: {endpoint: '${COLLECTOR}', headers: {api-key: '${KEY}'}}\n"+
		"  traces: {exporters: [otlp]}\n  metrics: {exporters: [otlp]}\n  logs: {exporters: [otlp]}\n")
	got := call{
		args: strings.Fields("run more"), env: map[string]string{"COLLECTOR": r.HTTP, "KEY": "hunter2", "OTEL_SERVICE_NAME": "named"},
	}.do(t)
	if got.code != 0 {
		t.Fatalf("code %d, stderr %s", got.code, got.stderr)
	}
	var attributes []string
	for _, a := range r.Traces()[0].GetResource().GetAttributes() {
		attributes = append(attributes, a.GetKey()+"="+a.GetValue().GetStringValue())
	}
	for _, want := range []string{"service.name=named", "service.version=v1.2.3", "ergon.task=more"} {
		if !strings.Contains(strings.Join(attributes, "\n"), want) {
			t.Errorf("got the resource %q, want %s in it", attributes, want)
		}
	}
	if len(r.Spans()) < 200 || len(r.Metrics()) != 1 || len(r.Records()) == 0 || r.Header("api-key") != "hunter2" {
		t.Errorf("got %d spans, %d exports of metrics and %d records with api-key %q", len(r.Spans()), len(r.Metrics()), len(r.Records()),
			r.Header("api-key"))
	}
}

func TestVariablesOfOpenTelemetryAreEnough(t *testing.T) {
	r := collector(t)
	in(t, twoTasks)
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.GRPC, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_METRICS_EXPORTER": "none"}
	got := call{args: []string{"process-transaction", "more", "--payload-json", `{"number":3}`}, env: env}.do(t)
	if got.code != 0 || len(r.Spans()) == 0 || len(r.Metrics()) > 0 {
		t.Errorf("code %d, %d spans and %d metrics, stderr %s", got.code, len(r.Spans()), len(r.Metrics()), got.stderr)
	}
}

// What led to a failure is what one wants to see.
func TestTelemetryIsFlushedAfterAFailureToo(t *testing.T) {
	r := collector(t)
	in(t, strings.Replace(twoTasks, "  more:\n    task: math.square", "  more:\n    task: greedy", 1))
	flushed := false
	got := call{
		args: strings.Fields("run"), env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.HTTP},
		settings: app.Settings{Flush: func(context.Context) error {
			flushed = true
			return errors.New("the program's own is late")
		}},
	}.do(t)
	if got.code == 0 || len(r.Spans()) == 0 || !flushed || !strings.Contains(got.stderr, "the program's own is late") {
		t.Errorf("code %d, %d spans, the program's own flushed: %t; stderr %s", got.code, len(r.Spans()), flushed, got.stderr)
	}
}

// [C1] Faults of telemetry have their place, or their variable, and nothing runs.
func TestFaultsOfTelemetryAreFoundByLint(t *testing.T) {
	for name, c := range map[string]struct {
		section string
		env     map[string]string
		want    string
	}{
		"sampler": {
			"telemetry:\n  traces: {sampler: sometimes}\n", nil,
			`ergon.yaml:17:21: telemetry.traces.sampler: is "sometimes", must be one of`,
		},
		"key": {"telemetry: {trace: {}}\n", nil, `telemetry: unknown key "trace"; did you mean "traces"?`},
		"variable": {
			"",
			map[string]string{"OTEL_TRACES_SAMPLER": "sometimes"},
			`environment variable OTEL_TRACES_SAMPLER is "sometimes", must be one of`,
		},
		"file": {
			"telemetry: {otlp: {endpoint: 'https://c', ca_file: none.pem}, traces: {exporters: [otlp]}}\n", nil, "ca_file: open none.pem",
		},
	} {
		for _, command := range []string{"lint", "run"} {
			t.Run(name+" "+command, func(t *testing.T) {
				in(t, twoTasks+c.section)
				got := call{args: []string{command}, env: c.env}.do(t)
				if got.code != 2 || !strings.Contains(got.stderr, c.want) {
					t.Errorf("code %d, stderr %s, want 2 and %s", got.code, got.stderr, c.want)
				}
			})
		}
	}
}

func TestSignalsAreDescribedAndTheirSecretsAreNot(t *testing.T) {
	in(t, twoTasks+"telemetry:\n  otlp: {headers: {api-key: hunter2}}\n"+
		"  traces: {exporters: [otlp], sampler: transaction_ratio, ratio: 0.01}\n"+
		"  metrics: {exporters: [prometheus, console]}\n  logs: {file: {path: ergon.log}, console: {format: none}}\n")
	env := map[string]string{"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "api-key=hunter3"}
	got := call{args: []string{"describe", "more"}, env: env}.do(t)
	for _, want := range []string{
		"traces     otlp at http://localhost:4318/v1/traces (http/protobuf); transaction_ratio 0.01\n",
		"metrics    prometheus at http://localhost:9464/metrics; console\n",
		"logs       file ergon.log (json), level info\n",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("got\n%s\nwant in it %s", got.stdout, want)
		}
	}
	for _, command := range []string{"describe more", "describe more --output json", "config show", "config schema", "lint"} {
		got := call{args: strings.Fields(command), env: env}.do(t)
		if got.code != 0 || strings.Contains(got.stdout+got.stderr, "hunter") {
			t.Errorf("%s: code %d\n%s%s", command, got.code, got.stdout, got.stderr)
		}
	}
}

func TestAddressOfPrometheusThatIsTakenIsAFailureThatSaysSo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it listens at once
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	in(t, twoTasks+"telemetry: {metrics: {exporters: [prometheus], prometheus: {listen: '"+taken.Addr().String()+"'}}}\n")
	got := call{args: []string{"run"}}.do(t)
	if got.code != 1 || !strings.Contains(got.stderr, "reckon: telemetry: metrics.prometheus.listen: ") {
		t.Errorf("code %d, stderr %s", got.code, got.stderr)
	}
}

// A single transaction, or a look into a queue, leaves alone what a running program has: its address and its log file.
func TestWhatRunsBesideAProgramTakesNothingFromIt(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it listens at once
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	in(t, twoTasks+"telemetry:\n  metrics: {exporters: [prometheus], prometheus: {listen: '"+taken.Addr().String()+"'}}\n"+
		"  logs: {file: {path: ergon.log}}\n")
	got := call{args: []string{"process-transaction", "more", "--payload-json", `{"number":3}`}}.do(t)
	if got.code != 0 {
		t.Errorf("code %d, stderr %s", got.code, got.stderr)
	}
	if _, err := os.Stat("ergon.log"); !os.IsNotExist(err) {
		t.Errorf("got %v of the log file, want none", err)
	}
}
