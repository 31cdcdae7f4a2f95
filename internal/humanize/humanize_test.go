package humanize_test

import (
	"math"
	"testing"
	"time"

	"github.com/ergon-go/ergon/internal/humanize"
)

func TestNumbersHaveThousandsSeparators(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567", -1000: "-1,000", -999: "-999",
		math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := humanize.Count(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestNounsFollowTheirNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0 tasks", 1: "1 task", 2: "2 tasks", 1000: "1,000 tasks", -1: "-1 tasks"} {
		if got := humanize.Plural(n, "task"); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestDurationsHaveThreeDigitsAndTheirUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ns", 999: "999 ns", time.Microsecond: "1.00 µs", 12_345: "12.3 µs", 123_456: "123 µs", 1_240 * time.Millisecond: "1.24 s",
		51 * time.Millisecond: "51.0 ms", 59 * time.Second: "59.0 s", time.Minute: "1m00s", 2*time.Hour + 5*time.Minute: "2h05m",
	} {
		if got := humanize.Duration(d); got != want {
			t.Errorf("%d ns: got %q, want %q", d, got, want)
		}
	}
}

func TestWholeSecondsHaveAtMostTwoUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1499 * time.Millisecond: "1s", 1500 * time.Millisecond: "2s", 59500 * time.Millisecond: "1m00s", 90 * time.Second: "1m30s",
		time.Hour - time.Second: "59m59s", 24*time.Hour - time.Minute: "23h59m", 24 * time.Hour: "1d0h", 100 * time.Hour: "4d4h",
	} {
		if got := humanize.WholeSeconds(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestRatesAreShort(t *testing.T) {
	for rate, want := range map[float64]string{
		0: "0", 0.25: "0.25", 2.345: "2.3", 12.4: "12", 8064.4: "8,064", -1: "0", math.Inf(1): "0", math.NaN(): "0", 1e6: "1,000,000",
	} {
		if got := humanize.Rate(rate); got != want {
			t.Errorf("%v: got %q, want %q", rate, got, want)
		}
	}
}

func TestSizesAreRoundedDown(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1023.9 KiB", 1 << 30: "1 GiB", 1 << 50: "1024 TiB",
	} {
		if got := humanize.Bytes(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
