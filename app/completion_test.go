package app_test

import (
	"strings"
	"testing"
)

func TestTasksAndValuesOfFlagsAreCompleted(t *testing.T) {
	const noFiles = ":4\n"
	for args, want := range map[string]string{
		"run ":                     "square\tsquares numbers, but for unlucky ones\nmore\tsquares numbers, but for unlucky ones\n" + noFiles,
		"run square ":              "more\tsquares numbers, but for unlucky ones\n" + noFiles,
		"describe ":                "square\tsquares numbers, but for unlucky ones\nmore\tsquares numbers, but for unlucky ones\n" + noFiles,
		"describe square ":         noFiles,
		"describe --config no.y ":  noFiles,
		"process-transaction mo":   "square\tsquares numbers, but for unlucky ones\nmore\tsquares numbers, but for unlucky ones\n" + noFiles,
		"list --output ":           "text\njson\n" + noFiles,
		"list --log-level ":        "debug\ninfo\nwarn\nerror\n" + noFiles,
		"list --config ":           "yaml\nyml\n:8\n",
		"run --config empty.yaml ": noFiles,
		"enqueue mo":               "square\tsquares numbers, but for unlucky ones\nmore\tsquares numbers, but for unlucky ones\n" + noFiles,
		"enqueue more/":            "more/dead_letters\nmore/input\n" + noFiles,
		"queue peek moer/":         noFiles,
		"dlq show more ":           noFiles,
		"queue peek --state ":      "ready\ndelayed\nclaimed\nsettled\n" + noFiles,
		"dlq ls --category ":       "SYSTEM\nBUSINESS\nTIMEOUT\n" + noFiles,
		"dlq drop --phase ":        "decode\nprocess\nprepare\nsuccess\n" + noFiles,
	} {
		t.Run(args, func(t *testing.T) {
			in(t, twoTasks)
			write(t, "empty.yaml", "")
			got := call{args: append([]string{"__complete"}, strings.Split(args, " ")...)}.do(t)
			if got.stdout != want || got.code != 0 {
				t.Errorf("code %d, got\n%s\nwant\n%s", got.code, got.stdout, want)
			}
		})
	}
}

func TestScriptsForShellsArePrinted(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		got := call{args: []string{"completion", shell}}.do(t)
		if got.code != 0 || !strings.Contains(got.stdout, "reckon") || got.stderr != "" {
			t.Errorf("%s: code %d, %d bytes, stderr %q", shell, got.code, len(got.stdout), got.stderr)
		}
	}
}
