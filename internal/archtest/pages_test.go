package archtest_test

import (
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"github.com/ergon-go/ergon/internal/archtest"
)

func TestPagesLinkToWhatExists(t *testing.T) {
	root := os.DirFS("../..")
	pages := []string{"README.md", "CONTRIBUTING.md"}
	for _, pattern := range []string{"docs/*.md", "examples/*/README.md"} {
		found, err := fs.Glob(root, pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: got %d pages: %v", pattern, len(found), err)
		}
		pages = append(pages, found...)
	}
	violations, err := archtest.CheckPages(root, pages...)
	if err != nil {
		t.Fatal(err)
	}
	report(t, violations)
}

func TestDeadLinksOfPagesAreReported(t *testing.T) {
	root := fstest.MapFS{
		"a/loop.go":      {},
		"t/task.go.tmpl": {},
		"docs/b.md":      {Data: []byte("# Keys of a `task`\n")},
	}
	for text, want := range map[string][]string{
		"[a](b.md) [b](b.md#keys-of-a-task) [c](../a/loop.go) [d](https://example.org/x)": nil,
		"# The end\n\n[a](#the-end) `loop.go` `a/loop.go` `task.go`":                      nil,
		"```go\n[a](gone.md) `gone.go`\n```":                                              nil,
		"[a](gone.md)":                                                                    {"docs/a.md links to gone.md"},
		"[a](b.md#keys)":                                                                  {"docs/a.md links to b.md#keys"},
		"[a](../a#x)":                                                                     {"docs/a.md links to ../a#x"},
		"[a](../../out.md)":                                                               {"docs/a.md links to ../../out.md"},
		"`oop.go`, `b/loop.go`":                                                           {"names oop.go", "names b/loop.go"},
	} {
		t.Run(text, func(t *testing.T) {
			root["docs/a.md"] = &fstest.MapFile{Data: []byte(text)}
			violations, err := archtest.CheckPages(root, "docs/a.md")
			if err != nil {
				t.Fatal(err)
			}
			expect(t, violations, want...)
		})
	}
	if _, err := archtest.CheckPages(root, "docs/none.md"); err == nil {
		t.Error("got no error for a page that does not exist")
	}
}
