package archtest

import (
	"go/ast"
	"strconv"
)

// SleepingTests returns where test files sleep in real time: they name time.Sleep and do not import testing/synctest,
// in whose bubbles it costs nothing and is exact.
func SleepingTests(tree *Tree) []string {
	var violations []string
	for _, file := range tree.Files {
		clock := importedAs(file.Syntax, "time", "time")
		if !file.IsTest() || clock == "" || importedAs(file.Syntax, "testing/synctest", "synctest") != "" {
			continue
		}
		ast.Inspect(file.Syntax, func(node ast.Node) bool {
			if isSleep(node, clock) {
				violations = append(violations, tree.violation(node.Pos(),
					"a test sleeps: use testing/synctest, or wait for the event itself"))
			}
			return true
		})
	}
	return violations
}

// isSleep knows time.Sleep, and a bare Sleep where package time is imported with a dot.
func isSleep(node ast.Node, clock string) bool {
	if clock == "." {
		return isNamed(node, "Sleep")
	}
	selector, ok := node.(*ast.SelectorExpr)
	return ok && selector.Sel.Name == "Sleep" && isNamed(selector.X, clock)
}

// importedAs returns the name by which a file refers to a package, "" where it does not import it.
func importedAs(file *ast.File, path, name string) string {
	for _, spec := range file.Imports {
		if imported, err := strconv.Unquote(spec.Path.Value); err != nil || imported != path {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return name
	}
	return ""
}
