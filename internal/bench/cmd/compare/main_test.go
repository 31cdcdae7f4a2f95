package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/internal/humanize"
)

func TestComparisonIsPrintedAsATableWithARowForEachContestant(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-only=^(busy|timeouts)$", "-rounds=1", "-length=1ms"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"rounds: 1", "(busy)", "| bare pool ", "| ergon, async ", "| ergon, sync ", "100.0 %",
		"(timeouts)", "| ergon: recorded TIMEOUT ", "| bare timers ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
}

func TestWrongUsageIsAnErrorThatSaysWhatIsRight(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no such comparison":    {[]string{"-only=nothing"}, "there are lifecycle, "},
		"no regular expression": {[]string{"-only=("}, "-only: "},
		"an argument":           {[]string{"lifecycle"}, `unexpected argument "lifecycle"`},
		"no rounds":             {[]string{"-rounds=0"}, "-rounds must be 1"},
		"no length":             {[]string{"-length=0s"}, "-length longer"},
		"unknown flag":          {[]string{"-fast"}, "-fast"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), c.args, &out)
			if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
				t.Errorf("error %v and output %q, want an error that says %q", err, &out, c.want)
			}
		})
	}
}

func TestHelpIsNoFault(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, &out); err != nil || !strings.Contains(out.String(), "-rounds") {
		t.Errorf("error %v and output %q, want the flags", err, &out)
	}
}

func TestTableIsAlignedMarkdown(t *testing.T) {
	got := table{{"", "µs"}, {"one", humanize.Count(1_234_567)}, {"longer", humanize.Count(12)}}.String()
	want := "|        |        µs |\n|--------|----------:|\n| one    | 1,234,567 |\n| longer |        12 |\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
