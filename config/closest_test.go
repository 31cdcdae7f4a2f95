package config_test

import (
	"testing"

	"github.com/ergon-go/ergon/config"
)

func TestClosestIsWhatWasProbablyMeant(t *testing.T) {
	known := []string{"retry", "timeout", "max_attempts", "Input", "output"}
	for name, want := range map[string]string{
		"retrys": "retry", "rety": "retry", "retyr": "retry", "RETRY": "retry", "maxattempts": "max_attempts",
		"max-attempts": "max_attempts",
		"input":        "Input", "timout": "timeout", "tuo": "", "": "", "x": "",
		"attempts": "", "retry": "retry", "ouptut": "output", "ünput": "Input",
	} {
		if got := config.Closest(name, known); got != want {
			t.Errorf("Closest(%q) = %q, want %q", name, got, want)
		}
	}
}
