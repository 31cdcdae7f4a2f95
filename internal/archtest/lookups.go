package archtest

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

// Lookups names the interfaces that a connector may lack although its Go type has them, so that code must find them by a function
// and not by a type assertion: by the folder that declares them, these names or, for nil, all interfaces there.
type Lookups map[string][]string

// Check returns the type assertions and type switches on such interfaces. Tests, and the packages of the interfaces, may have them.
func (l Lookups) Check(tree *Tree, use string) []string {
	names := l.names(tree)
	var violations []string
	for _, file := range tree.Files {
		if file.IsTest() {
			continue
		}
		wanted := map[string][]string{} // by the name of the package in this file
		for folder, interfaces := range names {
			importPath := strings.TrimSuffix(path.Join(tree.Module, folder), "/.")
			if imported := importedAs(file.Syntax, importPath, path.Base(importPath)); imported != "" && folder != file.Folder {
				wanted[imported] = interfaces
			}
		}
		ast.Inspect(file.Syntax, func(node ast.Node) bool {
			for _, asserted := range assertedTypes(node) {
				selector, ok := asserted.(*ast.SelectorExpr)
				if !ok {
					continue
				}
				if from, ok := selector.X.(*ast.Ident); ok && slices.Contains(wanted[from.Name], selector.Sel.Name) {
					violations = append(violations, tree.violation(node.Pos(), "a connector is asserted to be a %s.%s, which it may lack: use %s",
						from.Name, selector.Sel.Name, use))
				}
			}
			return true
		})
	}
	return violations
}

// names are the interfaces by their folder, with those of the tree where none are named.
func (l Lookups) names(tree *Tree) map[string][]string {
	names := map[string][]string{}
	for folder, interfaces := range l {
		names[folder] = interfaces
		if interfaces != nil {
			continue
		}
		for _, file := range tree.Files {
			if file.Folder != folder || file.IsTest() {
				continue
			}
			for _, declaration := range file.Syntax.Decls {
				names[folder] = append(names[folder], interfacesOf(declaration)...)
			}
		}
	}
	return names
}

func interfacesOf(declaration ast.Decl) []string {
	group, ok := declaration.(*ast.GenDecl)
	if !ok {
		return nil
	}
	var names []string
	for _, spec := range group.Specs {
		if declared, ok := spec.(*ast.TypeSpec); ok {
			if _, is := declared.Type.(*ast.InterfaceType); is {
				names = append(names, declared.Name.Name)
			}
		}
	}
	return names
}

// assertedTypes are the types of a type assertion, or of a case of a type switch.
func assertedTypes(node ast.Node) []ast.Expr {
	switch n := node.(type) {
	case *ast.TypeAssertExpr:
		return []ast.Expr{n.Type}
	case *ast.TypeSwitchStmt:
		var types []ast.Expr
		for _, clause := range n.Body.List {
			if c, ok := clause.(*ast.CaseClause); ok {
				types = append(types, c.List...)
			}
		}
		return types
	default:
		return nil
	}
}
