package config_test

import (
	"fmt"
	"math"
	"testing"
)

func TestNumbersAreReadExactly(t *testing.T) {
	for yaml, want := range map[string]string{
		"whole: 9223372036854775807":  fmt.Sprint(math.MaxInt64, 0, 0.5),
		"whole: -9223372036854775808": fmt.Sprint(math.MinInt64, 0, 0.5),
		"whole: +5":                   fmt.Sprint(5, 0, 0.5),
		"whole: -0":                   fmt.Sprint(0, 0, 0.5),
		"count: 65535":                fmt.Sprint(0, 65535, 0.5),
		"count: +1":                   fmt.Sprint(0, 1, 0.5),
		"ratio: 2":                    fmt.Sprint(0, 0, 2.0),
		"ratio: .25":                  fmt.Sprint(0, 0, 0.25),
		"ratio: 1.":                   fmt.Sprint(0, 0, 1.0),
		"ratio: -1.5e-3":              fmt.Sprint(0, 0, -1.5e-3),
		"ratio: .inf":                 fmt.Sprint(0, 0, math.Inf(1)),
		"ratio: -.Inf":                fmt.Sprint(0, 0, math.Inf(-1)),
		"ratio: .NaN":                 fmt.Sprint(0, 0, math.NaN()),
	} {
		got := settings(t, yaml)
		if read := fmt.Sprint(got.Whole, got.Count, got.Ratio); read != want {
			t.Errorf("%s is read as %s, want %s", yaml, read, want)
		}
		c := parse(t, task("    services: {all: {type: everything, "+yaml+"}}\n"))
		again := build[everything](t, parse(t, show(t, c)).Tasks[0].Services["all"], "everything")
		if read := fmt.Sprint(again.Whole, again.Count, again.Ratio); read != want {
			t.Errorf("%s is shown as %s, want %s", yaml, read, want)
		}
	}
}
