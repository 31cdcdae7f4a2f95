package archtest_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

var update = flag.Bool("update", false, "write the files of the tests into docs/rules.md")

const exemptFromRules = "internal/archtest"

func TestCatalogueOfRulesAndCodeAgree(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "rules.md")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tree := repository(t)
	if *update {
		text = []byte(archtest.UpdateRules(string(text), archtest.RuleTests(tree, exemptFromRules)))
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := archtest.ParseRules(string(text))
	if err != nil {
		t.Fatal(err)
	}
	report(t, archtest.CheckRules(tree, rows, exemptFromRules))
}

const catalogue = "# Rules\n\n| rule | says | tests |\n|---|---|---|\n| T1 | Hard. | %TESTS% |\n\n" +
	"## Not built yet\n\n| rule | says |\n|---|---|\n| K9 | Later. |\n"

func TestCatalogueThatDiffersFromTheCodeIsReported(t *testing.T) {
	const tested = "package a\n\n// [T1] is hard.\nfunc TestA() {}"
	for name, c := range map[string]struct {
		tests string
		files map[string]string
		want  []string
	}{
		"agrees":       {"ergon: a", map[string]string{"a_test.go": tested}, nil},
		"no test":      {"ergon: a", map[string]string{"a.go": "package a"}, []string{"no test names rule [T1]"}},
		"another test": {"ergon: b", map[string]string{"a_test.go": tested}, []string{"T1 is tested by ergon: a, not ergon: b"}},
		"unknown rule": {
			"ergon: a",
			map[string]string{"a_test.go": tested, "b.go": "package a // [X1]"},
			[]string{"b.go names rule [X1]"},
		},
		"head of a file": {
			"ergon: a",
			map[string]string{"a_test.go": tested, "b.go": "// [X1]\n\npackage a"},
			[]string{"b.go names rule [X1]"},
		},
		"rule not built yet": {
			"ergon: a",
			map[string]string{"a_test.go": tested, "b.go": "package a // [K9]"},
			[]string{"lists as not built yet"},
		},
		"test of a rule not built yet": {
			"ergon: a", map[string]string{"a_test.go": tested + "\n\n// [K9]\nfunc TestB() {}"}, []string{"lists as not built yet"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := archtest.ParseRules(strings.ReplaceAll(catalogue, "%TESTS%", c.tests))
			if err != nil {
				t.Fatal(err)
			}
			expect(t, archtest.CheckRules(fixture(t, c.files), rows), c.want...)
		})
	}
}

func TestCatalogueIsUpdatedWithTheFilesOfTheTests(t *testing.T) {
	tree := fixture(t, map[string]string{
		"till/b_test.go": "package till\n\n// [T1]\nfunc TestB() {}",
		"a_test.go":      "package a\n\n// [T1]\nfunc TestA() {}",
	})
	got := archtest.UpdateRules(strings.ReplaceAll(catalogue, "%TESTS%", "old"), archtest.RuleTests(tree))
	if want := strings.ReplaceAll(catalogue, "%TESTS%", "ergon: a; till: b"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCatalogueThatCannotBeReadIsAnError(t *testing.T) {
	for _, text := range []string{"", "| T1 | Hard. | a |\n| T1 | Again. | a |\n"} {
		if rows, err := archtest.ParseRules(text); err == nil {
			t.Errorf("%q gives %v, want an error", text, rows)
		}
	}
}
