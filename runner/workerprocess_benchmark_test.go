package runner_test

import (
	"os"
	"testing"
	"time"

	"github.com/ergon-go/ergon/runner"
)

// BenchmarkWorkerProcess is the start of a worker process until its first transaction is done, and the whole life of one
// that has nothing else to do.
func BenchmarkWorkerProcess(b *testing.B) {
	var first time.Duration
	for b.Loop() {
		b.StopTimer()
		f := newFolder(b, "t00")
		c := isolatedTask{Folder: string(f)}
		b.Setenv(asProgram, c.environ())
		m := manage(b, runner.Settings{}, c.config())
		b.StartTimer()
		began := time.Now()
		if _, err := m.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		text, err := os.ReadFile(f.path("effects", "t00"))
		if err != nil {
			b.Fatal(err)
		}
		done, err := time.Parse(time.RFC3339Nano, string(text))
		if err != nil {
			b.Fatal(err)
		}
		first += done.Sub(began)
		b.StartTimer()
	}
	b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "ms/first")
}
