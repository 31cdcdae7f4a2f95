package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/examples/birdstrikes"
)

func TestResultsSayWhatIsWhere(t *testing.T) {
	const (
		critical = `{"id":"a","severity":"critical"}` + "\n"
		major    = `{"id":"b","severity":"major"}` + "\n"
	)
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"finished": {
			map[string]string{"tickets.jsonl": critical + major}, "OUT/tickets.jsonl: 2 tickets: 1 critical, 1 major\n",
		},
		"empty":       {map[string]string{"tickets.jsonl": ""}, "OUT/tickets.jsonl: 0 tickets\n"},
		"no database": {map[string]string{"dead-letters.db": "[]"}, "OUT/dead-letters.db: "},
		"repeated": {
			map[string]string{"tickets.jsonl": major + major + major},
			"OUT/tickets.jsonl: 1 tickets: 1 major; lines that repeat one of them: 2\n",
		},
		"not finished, beside an old one": {
			map[string]string{"tickets.jsonl": critical + major, "tickets.jsonl.partial": major},
			"OUT/tickets.jsonl.partial: 1 tickets: 1 major; not finished, the next run continues it\n",
		},
		"damaged":        {map[string]string{"tickets.jsonl": major + "{"}, "OUT/tickets.jsonl: it is damaged: unexpected EOF\n"},
		"none elsewhere": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			for file, text := range c.files {
				if err := os.WriteFile(filepath.Join(out, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var got strings.Builder
			main.Program().Epilogue(&got, func(string) string { return out })
			want := strings.ReplaceAll(c.want, "OUT/", out+string(filepath.Separator))
			if got.String() != want && (name != "no database" || !strings.HasPrefix(got.String(), want)) {
				t.Errorf("got\n%swant\n%s", got.String(), want)
			}
		})
	}
}
