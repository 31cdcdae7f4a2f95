package pipeline_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// [O1] Everything that a loop tells a backend, to the millisecond: a changed name breaks somebody's dashboard.
func TestTelemetryIsAsWrittenDown(t *testing.T) {
	for name, scenario := range scenarios {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := scenario(t)
				gauges := maps.Clone(got.during)
				for metric := range got.after {
					delete(gauges, metric)
				}
				wantGolden(t, name+"_spans", got.renderSpans())
				wantGolden(t, name+"_metrics", renderMetrics(t, got.after)+"\nwhile it ran\n"+renderMetrics(t, gauges))
			})
		})
	}
}

// wantGolden compares with a file, or writes it.
func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "telemetry_"+name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got); if that is meant, run the test with -update:\n%s", path, diff)
	}
}
