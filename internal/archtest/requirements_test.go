package archtest_test

import (
	"os"
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

// maxRequirements is the number of modules that the root module may require directly. Decision 0002 names them.
const maxRequirements = 8

func TestRootModuleRequiresFewModules(t *testing.T) {
	goMod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	report(t, archtest.CheckRequirements("go.mod", string(goMod), maxRequirements))
}

func TestRequirementsAreCounted(t *testing.T) {
	const a, b = "example.org/a v1.0.0", "example.org/b v1.0.0"
	const tooMany = "go.mod requires 2 modules directly, more than 1; do without one, or move the code to a separate module: " +
		"example.org/a, example.org/b"
	for goMod, want := range map[string][]string{
		"module example.org/shop\n\ngo 1.26.0\n":                                nil,
		"require " + a + "\n":                                                   nil,
		"require " + a + "\nrequire " + b + " // why it is there\n":             {tooMany},
		"require " + a + "\nrequire " + b + " // indirect\n":                    nil,
		"require (\n\t" + a + "\n\t" + b + "\n)\n":                              {tooMany},
		"require (\n\t" + a + "\n)\nrequire (\n\t" + b + " // indirect\n)\n":    nil,
		"require (\n\t" + a + "\n)\nreplace (\n\texample.org/b => ../b\n)\n":    nil,
		"require " + a + "\nreplace example.org/b => ../b\nexclude " + b + "\n": nil,
		"require (\n\t// " + a + "\n\t" + b + "\n)\n":                           nil,
	} {
		expect(t, archtest.CheckRequirements("go.mod", goMod, 1), want...)
	}
}
