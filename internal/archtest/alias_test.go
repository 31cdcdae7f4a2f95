package archtest_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

func TestPublicTypesAreNoAliasesOfInternalOnes(t *testing.T) {
	report(t, archtest.CheckAliases(repository(t)))
}

func TestAliasesOfInternalTypesAreFound(t *testing.T) {
	const use, renamed = `import "example.org/shop/internal/till"` + "\n", `import x "example.org/shop/internal/till"` + "\n"
	const found = "is an alias of a type of example.org/shop/internal/till"
	for name, c := range map[string]struct {
		file, source string
		want         []string
	}{
		"alias": {"shelf/a.go", use + "type T = till.T", []string{"T " + found}},
		"among others": {
			"shelf/a.go", use + "type (\nA int\nT = till.T\nU = till.U\n)", []string{"T " + found, "U " + found},
		},
		"of a renamed package": {"shelf/a.go", renamed + "type T = x.T", []string{found}},
		"of a pointer":         {"shelf/a.go", use + "type T = *till.T", []string{found}},
		"of a generic type":    {"shelf/a.go", use + "type T = till.T[int]", []string{found}},
		"in the root package":  {"a.go", use + "type T = till.T", []string{found}},
		"of a package below": {
			"shelf/a.go", `import "example.org/shop/shelf/internal/y"` + "\ntype T = y.T", []string{"shelf/internal/y"},
		},
		"not exported":            {"shelf/a.go", use + "type t = till.T", nil},
		"a type of its own":       {"shelf/a.go", use + "type T till.T", nil},
		"of a public type":        {"shelf/a.go", `import "example.org/shop/till"` + "\ntype T = till.T", nil},
		"in an internal package":  {"internal/shelf/a.go", use + "type T = till.T", nil},
		"in a test":               {"shelf/a_test.go", use + "type T = till.T", nil},
		"in a function":           {"shelf/a.go", use + "func f() { type T = till.T }", nil},
		"a variable, not a type":  {"shelf/a.go", use + "var T = till.T", nil},
		"internal in a name only": {"shelf/a.go", `import "example.org/shop/internals"` + "\ntype T = internals.T", nil},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, archtest.CheckAliases(fixture(t, map[string]string{c.file: "package shelf\n" + c.source})), c.want...)
		})
	}
}
