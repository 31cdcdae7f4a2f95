//go:build failpoints

package sqlite_test

import (
	"testing"

	"github.com/ergon-go/ergon/connector/sqlite/internal/failpoint"
)

// Whatever a process is doing when it is killed, the next finishes it, and nothing is lost or done twice. It needs
// go test -tags failpoints.
func TestWhateverIsBegunIsFinishedByTheNext(t *testing.T) {
	for _, step := range []string{"migrate", "open", "dispatch", "claim", "extend", "hop", "write", "settle", "retry"} {
		for _, moment := range []string{"begun", "done", "committed"} {
			t.Run(step+"."+moment, func(t *testing.T) {
				path := newBench(t).path
				first := start(t, "steps", path, failpoint.Variable+"="+step+"."+moment)
				if err := first.end(); err == nil || first.ProcessState.Exited() {
					t.Fatalf("it ended by itself: %v", err)
				}
				wantIntact(t, path)
				next := start(t, "steps", path)
				if err := next.end(); err != nil {
					t.Fatal(err)
				}
				s, err := openSite(t.Context(), path)
				if err != nil {
					t.Fatal(err)
				}
				if out, dead := len(fetch(t, s.out, 10)), letters(t, s.dead); out != 1 || len(dead) != 1 || len(dead[0].History) != 1 {
					t.Errorf("got %d out and letters %+v, want one of each, and the letter retried once", out, dead)
				}
				if err := s.close(t.Context()); err != nil {
					t.Fatal(err)
				}
				wantIntact(t, path)
			})
		}
	}
}
