package archtest_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

func TestWhatNamesARule(t *testing.T) {
	for name, c := range map[string]struct {
		file, source string
		named        bool
	}{
		"comment of a test":     {"a_test.go", "package a\n\n// [T1] is hard.\nfunc TestA() {}", true},
		"comment in a test":     {"a_test.go", "package a\n\nfunc TestA() {\n\t// [T1]\n}", true},
		"with other rules":      {"a_test.go", "package a\n\n// [S4, T1,R2]\nfunc TestA() {}", true},
		"name of a subtest":     {"a_test.go", "package a\n\nfunc TestA() { run(`[T1] hard`) }", true},
		"name of a test":        {"a_test.go", "package a\n\nfunc TestA_T1() {}", true},
		"name of a helper":      {"a_test.go", "package a\n\nfunc check_T1() {}", false},
		"no brackets":           {"a_test.go", "package a\n\n// T1 is hard.\nfunc TestA() {}", false},
		"a like tag":            {"a_test.go", "package a\n\n// [T11] [XT1]\nfunc TestA_T12() {}", false},
		"head of the file":      {"a_test.go", "// [T1]\n\npackage a\n\nfunc TestA() {}", false},
		"comment of no test":    {"a.go", "package a\n\n// [T1]\nfunc TestA() {}", false},
		"test in exempt folder": {"till/a_test.go", "package a\n\n// [T1]\nfunc TestA() {}", false},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fixture(t, map[string]string{c.file: c.source})
			if got := archtest.RuleTests(tree, "till")["T1"] != ""; got != c.named {
				t.Errorf("a test names it: %t, want %t", got, c.named)
			}
		})
	}
}
