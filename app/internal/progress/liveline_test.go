package progress_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ergon-go/ergon/app/internal/progress"
	"github.com/ergon-go/ergon/app/internal/terminaltest"
)

func TestWhatIsWrittenStandsAboveTheLiveLine(t *testing.T) {
	screen := new(terminaltest.Screen)
	line := &progress.LiveLine{Terminal: screen}
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { fmt.Fprintln(line, "before") }, "before\n"},
		{func() { line.Show("10% done") }, "before\n10% done"},
		{func() { line.Show("20%") }, "before\n20%"},
		{func() { fmt.Fprintln(line, "a log line") }, "before\na log line\n20%"},
		{func() { fmt.Fprint(line, "two\nlines\n") }, "before\na log line\ntwo\nlines\n20%"},
		{func() { fmt.Fprint(line, "half a ") }, "before\na log line\ntwo\nlines\nhalf a "},
		{func() { line.Show("30%") }, "before\na log line\ntwo\nlines\nhalf a "},
		{func() { fmt.Fprint(line, "line\n") }, "before\na log line\ntwo\nlines\nhalf a line\n30%"},
		{func() { fmt.Fprint(line, "") }, "before\na log line\ntwo\nlines\nhalf a line\n30%"},
		{func() { line.Show("") }, "before\na log line\ntwo\nlines\nhalf a line\n"},
		{func() { fmt.Fprintln(line, "after") }, "before\na log line\ntwo\nlines\nhalf a line\nafter\n"},
	} {
		step.do()
		if got := screen.Text(); got != step.want {
			t.Fatalf("got\n%s\nwant\n%s", got, step.want)
		}
	}
}

func TestLogLinesAndLiveLineNeverMix(t *testing.T) {
	screen := new(terminaltest.Screen)
	line := &progress.LiveLine{Terminal: screen}
	const writers, each = 4, 200
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				fmt.Fprintf(line, "log %d %d\n", w, i)
			}
		})
	}
	all.Go(func() {
		for i := range each {
			line.Show(strings.Repeat("#", i%20))
		}
		line.Show("")
	})
	all.Wait()
	lines := strings.Split(strings.TrimSuffix(screen.Text(), "\n"), "\n")
	if len(lines) != writers*each {
		t.Errorf("got %d lines, want %d", len(lines), writers*each)
	}
	for _, l := range lines {
		if !strings.HasPrefix(l, "log ") || strings.Contains(l, "#") {
			t.Errorf("a log line is %q", l)
		}
	}
}
