package pipeline_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
)

// readPayloads reads them, and fails the test if that takes an hour. Then free makes what hangs return.
func readPayloads(t *testing.T, p *pipeline.Payloads, free func(), txs ...ergon.Transaction) []string {
	t.Helper()
	done := make(chan []string, 1)
	go func() { done <- p.Read(txs...) }()
	limit := time.NewTimer(time.Hour)
	defer limit.Stop()
	select {
	case got := <-done:
		return got
	case <-limit.C:
		t.Error("reading has no limit: it has taken an hour")
		free()
		return <-done
	}
}

// [F1] Without a loop: what hangs is left after a second for each of its methods, and not before; its neighbours are read.
func TestPayloadThatHangsIsLeftAfterTheBound(t *testing.T) {
	for name, c := range map[string]struct {
		method    string
		how       faultMode
		after     time.Duration
		want      string
		abandoned int64
	}{
		"nothing":          {"", "", 0, `{"text":"foreign"}`, 0},
		"Clone hangs":      {"Clone", hanging, time.Second, "a payload that could not be read: a method of the payload has not returned", 1},
		"Clone panics":     {"Clone", panicking, 0, "a payload that could not be read: panic: at Clone", 0},
		"Clone exits":      {"Clone", exiting, 0, "a payload that could not be read: the handler ended its goroutine", 0},
		"encoding hangs":   {"MarshalJSON", hanging, time.Second, `Text: "a"`, 1},
		"encoding panics":  {"MarshalJSON", panicking, 0, `Text: "a"`, 0},
		"encoding exits":   {"MarshalJSON", exiting, 0, `Text: "a"`, 0},
		"late, but enough": {"MarshalJSON", "takes a while", time.Second - 1, `{"text":"foreign"}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				free := sync.OnceFunc(func() { close(release) })
				f := &foreign{where: c.method, how: c.how, release: release}
				if c.how == "takes a while" {
					f.how = hanging
					time.AfterFunc(time.Second-1, free)
				}
				p, begin := pipeline.NewPayloads(), time.Now()
				got := readPayloads(t, p, free, ergon.NewTransaction("before", "before"), ergon.NewTransaction("a", &foreignPayload{f, "a"}),
					ergon.NewTransaction("after", "after"))
				if took := time.Since(begin); took != c.after || p.Abandoned() != c.abandoned {
					t.Errorf("it took %s, and %d are abandoned; want %s and %d", took, p.Abandoned(), c.after, c.abandoned)
				}
				if len(got) != 3 || got[0] != "before" || !strings.Contains(got[1], c.want) || got[2] != "after" {
					t.Errorf("got %q, want %s between its neighbours", got, c.want)
				}
				free()
				synctest.Wait()
				if p.Abandoned() != 0 || c.abandoned > 0 && len(p.HeadroomFreed()) != 1 {
					t.Errorf("%d are abandoned after all have returned; headroom freed: %d", p.Abandoned(), len(p.HeadroomFreed()))
				}
			})
		})
	}
}

// [F1] [T2] No more than four goroutines read; while they all hang, payloads are refused at once.
func TestReadersThatHangAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		free := sync.OnceFunc(func() { close(release) })
		p := pipeline.NewPayloads()
		hangs := func() ergon.Transaction {
			return ergon.NewTransaction("a", &foreignPayload{&foreign{where: "Clone", how: hanging, release: release}, "a"})
		}
		for range 4 {
			readPayloads(t, p, free, hangs())
		}
		begin := time.Now()
		got := readPayloads(t, p, free, ergon.NewTransaction("b", "b"))
		if took := time.Since(begin); took != 0 || len(got) != 1 || !strings.Contains(got[0], "the methods of others have not returned") {
			t.Errorf("got %q after %s", got, took)
		}
		if n := p.Abandoned(); n != 4 {
			t.Errorf("%d are abandoned, want 4", n)
		}
		free()
		synctest.Wait()
		if got := p.Read(ergon.NewTransaction("b", "b")); got[0] != "b" || p.Abandoned() != 0 {
			t.Errorf("got %q when they have returned, and %d abandoned", got, p.Abandoned())
		}
	})
}
