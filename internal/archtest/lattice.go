package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"strconv"
	"strings"
)

// Lattice is the import lattice: a rule for every package of the repository. The first rule that matches counts.
type Lattice struct {
	Rules []Rule
	// TestKit matches import paths that every test file may import besides what its package may.
	TestKit []string
}

// Rule says what some packages may import besides the standard library. Its patterns are of the go command's kind: a
// trailing "/..." stands for the folder and all below it; "*" stands for one name.
type Rule struct {
	// Packages matches folders; the root package is ".". What one "/..." stands for is a unit, within which packages
	// import each other freely.
	Packages string
	// Ours matches folders of this repository.
	Ours []string
	// ThirdParty matches import paths. None means the standard library only.
	ThirdParty []string
	// TestOurs matches folders of this repository that test files may import as well.
	TestOurs []string
}

// Check returns every import that the lattice does not allow and every package that it does not know.
func (l Lattice) Check(tree *Tree) []string {
	var violations []string
	unknown := map[string]bool{}
	for _, file := range tree.Files {
		rule, unit, ok := l.rule(file.Folder)
		if !ok {
			if !unknown[file.Folder] {
				unknown[file.Folder] = true
				violations = append(violations, tree.violation(file.Syntax.Package, "package %q is in no row of the import "+
					"lattice: put it in a folder that has one, or add a row with the minimum that it needs and a decision record", file.Folder))
			}
			continue
		}
		for _, spec := range file.Syntax.Imports {
			if fault := l.check(tree, file, rule, unit, spec); fault != "" {
				violations = append(violations, fault)
			}
		}
	}
	return violations
}

func (l Lattice) rule(folder string) (rule Rule, unit string, ok bool) {
	for _, rule := range l.Rules {
		if unit, ok := match(rule.Packages, folder); ok {
			return rule, unit, true
		}
	}
	return Rule{}, "", false
}

func (l Lattice) check(tree *Tree, file File, rule Rule, unit string, spec *ast.ImportSpec) string {
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return tree.violation(spec.Pos(), "import path: %v", err)
	}
	ours, isOurs := folderOf(tree.Module, imported)
	switch {
	case file.IsTest() && matchAny(l.TestKit, imported):
		return ""
	case isOurs && allowsOurs(file, rule, unit, ours), !isOurs && allowsForeign(rule, imported):
		return ""
	case isOurs:
		return tree.violation(spec.Pos(), "%s may not import %q; of ours it may import %s. Move the code to where the "+
			"dependency is allowed; the lattice stays", describe(file), ours, list(rule.Ours))
	default:
		return tree.violation(spec.Pos(), "%s may not import %q; from outside the standard library it may import %s. "+
			"A dependency is a cost to every user: do without, or put the code in a separate module",
			describe(file), imported, list(rule.ThirdParty))
	}
}

func allowsOurs(file File, rule Rule, unit, imported string) bool {
	_, sameUnit := match(unit, imported)
	return imported == file.Folder || sameUnit || matchAny(rule.Ours, imported) ||
		file.IsTest() && matchAny(rule.TestOurs, imported)
}

func allowsForeign(rule Rule, imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	standard := !strings.Contains(first, ".") && imported != "C"
	return standard || matchAny(rule.ThirdParty, imported)
}

// folderOf returns the folder of an import path, where it lies in this repository.
func folderOf(module, imported string) (folder string, ours bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func describe(file File) string {
	if file.IsTest() {
		return fmt.Sprintf("a test of %q", file.Folder)
	}
	return strconv.Quote(file.Folder)
}

func list(patterns []string) string {
	if len(patterns) == 0 {
		return "nothing"
	}
	return strings.Join(patterns, ", ")
}

func matchAny(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if _, ok := match(pattern, name); ok {
			return true
		}
	}
	return false
}

// match tells whether pattern matches name, and returns the pattern of the unit that name is in.
func match(pattern, name string) (unit string, ok bool) {
	stem, tree := strings.CutSuffix(pattern, "/...")
	want, got := strings.Split(stem, "/"), strings.Split(name, "/")
	if len(got) < len(want) || !tree && len(got) > len(want) {
		return "", false
	}
	for i := range want {
		if want[i] != "*" && want[i] != got[i] {
			return "", false
		}
	}
	unit = path.Join(got[:len(want)]...)
	if tree {
		unit += "/..."
	}
	return unit, true
}
