package bench_test

import (
	"os"
	"testing"

	"github.com/ergon-go/ergon/internal/bench"
	"github.com/ergon-go/ergon/internal/servertest"
)

// server confirms commits by the disk, as the queues in files do.
var server = servertest.Postgres{Durable: true}

func TestMain(m *testing.M) { os.Exit(servertest.Main(m, &server)) }

func BenchmarkPostgresEnqueue(b *testing.B) { comparePostgres(b, bench.PostgresEnqueue) }

func BenchmarkPostgresWork(b *testing.B) { comparePostgres(b, bench.PostgresWork) }

func TestEveryWayThroughPostgresTakesAllItemsThrough(t *testing.T) {
	for name, contestants := range map[string]func(*bench.PostgresQueues) []bench.Contestant{
		"enqueue": bench.PostgresEnqueue, "work": bench.PostgresWork,
	} {
		t.Run(name, func(t *testing.T) {
			queues := bench.NewPostgresQueues(server.URL(t), t.TempDir())
			for _, c := range contestants(queues) {
				if _, err := bench.Measure(t.Context(), c, 250, 1, bench.Noop()); err != nil {
					t.Errorf("%s: %v", c.Name, err)
				}
			}
			if err := queues.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func comparePostgres(b *testing.B, contestants func(*bench.PostgresQueues) []bench.Contestant) {
	b.Helper()
	queues := bench.NewPostgresQueues(server.URL(b), b.TempDir())
	compare(b, bench.Queued(contestants(queues)))
	if err := queues.Close(); err != nil {
		b.Error(err)
	}
}
