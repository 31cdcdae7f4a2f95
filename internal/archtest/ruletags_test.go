package archtest_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

func TestEveryRuleOfTheDesignIsNamedByATest(t *testing.T) {
	rules := []string{
		"R1", "R2", "R3", "R4", // attempts and categories
		"P1", "P2", "P3", "P4", // phases
		"T1", "T2", "T3", "T4", "T5", // time
		"S1", "S2", "S3", "S4", "S5", // settlement
		"L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", // loop
		"E1", "E2", "E3", "E4", "E5", "E6", // execution
		"B1", "B2", "B3", // producing
		"O1", "O2", "O3", // seeing
		"C1", "C2", // configuration
	}
	report(t, archtest.MissingRuleTags(repository(t), rules, "internal/archtest"))
}

func TestRuleThatNoTestNamesIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		file, source string
		want         []string
	}{
		"comment of a test":     {"a_test.go", "package a\n\n// [T1] is hard.\nfunc TestA() {}", nil},
		"comment in a test":     {"a_test.go", "package a\n\nfunc TestA() {\n\t// [T1]\n}", nil},
		"with other rules":      {"a_test.go", "package a\n\n// [S4, T1,R2]\nfunc TestA() {}", nil},
		"name of a subtest":     {"a_test.go", "package a\n\nfunc TestA() { run(`[T1] hard`) }", nil},
		"name of a test":        {"a_test.go", "package a\n\nfunc TestA_T1() {}", nil},
		"name of a helper":      {"a_test.go", "package a\n\nfunc check_T1() {}", []string{"no test names rule [T1]"}},
		"no brackets":           {"a_test.go", "package a\n\n// T1 is hard.\nfunc TestA() {}", []string{"no test names rule [T1]"}},
		"a like tag":            {"a_test.go", "package a\n\n// [T11] [XT1]\nfunc TestA_T12() {}", []string{"no test names rule [T1]"}},
		"head of the file":      {"a_test.go", "// [T1]\n\npackage a\n\nfunc TestA() {}", []string{"no test names rule [T1]"}},
		"comment of no test":    {"a.go", "package a\n\n// [T1]\nfunc TestA() {}", []string{"no test names rule [T1]"}},
		"test in exempt folder": {"till/a_test.go", "package a\n\n// [T1]\nfunc TestA() {}", []string{"no test names rule [T1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fixture(t, map[string]string{c.file: c.source})
			expect(t, archtest.MissingRuleTags(tree, []string{"T1"}, "till"), c.want...)
		})
	}
}
