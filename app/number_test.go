package app_test

import (
	"math"
	"testing"
	"time"

	"github.com/ergon-go/ergon/app"
)

func TestNumbersHaveThousandsSeparators(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567", -1000: "-1,000", -999: "-999",
		math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := app.Thousands(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestDurationsHaveThreeDigitsAndTheirUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ns", 999: "999 ns", time.Microsecond: "1.00 µs", 12_345: "12.3 µs", 123_456: "123 µs", 1_240 * time.Millisecond: "1.24 s",
		51 * time.Millisecond: "51.0 ms", 59 * time.Second: "59.0 s", time.Minute: "1m00s", 2*time.Hour + 5*time.Minute: "2h05m",
	} {
		if got := app.Took(d); got != want {
			t.Errorf("%d ns: got %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		1499 * time.Millisecond: "1s", 1500 * time.Millisecond: "2s", 59500 * time.Millisecond: "1m00s",
		90 * time.Second: "1m30s", 100 * time.Hour: "100h00m",
	} {
		if got := app.About(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestRatesAreShort(t *testing.T) {
	for rate, want := range map[float64]string{
		0: "0/s", 0.25: "0.25/s", 2.345: "2.3/s", 12.4: "12/s", 8064.4: "8,064/s", -1: "0/s", math.Inf(1): "0/s", 1e6: "1,000,000/s",
	} {
		if got := app.PerSecond(rate, "/s"); got != want {
			t.Errorf("%v: got %q, want %q", rate, got, want)
		}
	}
}
