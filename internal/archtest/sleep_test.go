package archtest_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

func TestNoTestSleepsInRealTime(t *testing.T) {
	report(t, archtest.SleepingTests(repository(t)))
}

func TestTestsThatSleepAreFound(t *testing.T) {
	const (
		sleeps = "a_test.go:1: a test sleeps"
		twice  = `package a; import "time"; func f() { time.Sleep(1); time.Sleep(1) }`
	)
	for name, c := range map[string]struct {
		file, source string
		want         []string
	}{
		"sleeps":                 {"a_test.go", `package a; import "time"; func f() { time.Sleep(1) }`, []string{sleeps}},
		"twice":                  {"a_test.go", twice, []string{sleeps, sleeps}},
		"under another name":     {"a_test.go", `package a; import clock "time"; func f() { clock.Sleep(1) }`, []string{sleeps}},
		"without a name":         {"a_test.go", `package a; import . "time"; func f() { Sleep(1) }`, []string{sleeps}},
		"as a value":             {"a_test.go", `package a; import "time"; var wait = time.Sleep`, []string{sleeps}},
		"in a file with bubbles": {"a_test.go", `package a; import ("time"; "testing/synctest"); func f() { time.Sleep(1) }`, nil},
		"another Sleep":          {"a_test.go", `package a; import "time"; var _ time.Time; func f(b bed) { b.Sleep(1) }`, nil},
		"outside tests":          {"a.go", `package a; import "time"; func f() { time.Sleep(1) }`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, archtest.SleepingTests(fixture(t, map[string]string{c.file: c.source})), c.want...)
		})
	}
}
