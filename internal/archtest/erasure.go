package archtest

import (
	"go/ast"
	"slices"
)

// Erasure says where generic code of the root package may meet `any`, by file name.
type Erasure struct {
	// MakesTasks may turn something typed into an untyped Task.
	MakesTasks []string
	// Asserts may turn an untyped value into a value of a type parameter.
	Asserts []string
}

// Check returns the generic functions of the root package that do so elsewhere. It sees type assertions, type switches and
// conversions to any; it does not see an argument that becomes an interface by being passed on.
func (e Erasure) Check(tree *Tree) []string {
	var violations []string
	for _, file := range tree.Files {
		if file.Folder != "." || file.IsTest() {
			continue
		}
		for _, declaration := range file.Syntax.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok {
				violations = append(violations, e.check(tree, file, function)...)
			}
		}
	}
	return violations
}

func (e Erasure) check(tree *Tree, file File, function *ast.FuncDecl) []string {
	parameters := typeParameters(function)
	if len(parameters) == 0 {
		return nil
	}
	var violations []string
	ast.Inspect(function, func(node ast.Node) bool {
		switch {
		case node == nil:
		case isNamed(node, "Task") && !slices.Contains(e.MakesTasks, file.Path):
			violations = append(violations, tree.violation(node.Pos(),
				"generic function %s makes or takes a Task; typed tasks become untyped in %v only", function.Name.Name, e.MakesTasks))
		case asserts(node, parameters) && !slices.Contains(e.Asserts, file.Path):
			violations = append(violations, tree.violation(node.Pos(),
				"generic function %s converts between any and a type parameter; that is for %v only", function.Name.Name, e.Asserts))
		}
		return true
	})
	return violations
}

// typeParameters returns the names of the type parameters of a function and of its receiver.
func typeParameters(function *ast.FuncDecl) []string {
	var names []string
	if function.Type.TypeParams != nil {
		for _, field := range function.Type.TypeParams.List {
			for _, name := range field.Names {
				names = append(names, name.Name)
			}
		}
	}
	if function.Recv == nil {
		return names
	}
	ast.Inspect(function.Recv, func(node ast.Node) bool {
		switch receiver := node.(type) {
		case *ast.IndexExpr:
			names = append(names, identifiers(receiver.Index)...)
		case *ast.IndexListExpr:
			names = append(names, identifiers(receiver.Indices...)...)
		}
		return true
	})
	return names
}

func identifiers(expressions ...ast.Expr) []string {
	var names []string
	for _, expression := range expressions {
		if name, ok := expression.(*ast.Ident); ok {
			names = append(names, name.Name)
		}
	}
	return names
}

// asserts tells whether node turns an untyped value into one of a type parameter (v.(P), case P:) or the other way round
// (any(v)).
func asserts(node ast.Node, parameters []string) bool {
	isParameter := func(expression ast.Expr) bool { return isNamed(expression, parameters...) }
	switch n := node.(type) {
	case *ast.TypeAssertExpr:
		return n.Type != nil && isParameter(n.Type)
	case *ast.TypeSwitchStmt:
		return slices.ContainsFunc(n.Body.List, func(clause ast.Stmt) bool {
			c, ok := clause.(*ast.CaseClause)
			return ok && slices.ContainsFunc(c.List, isParameter)
		})
	case *ast.CallExpr:
		return isNamed(n.Fun, "any")
	default:
		return false
	}
}

func isNamed(node ast.Node, names ...string) bool {
	name, ok := node.(*ast.Ident)
	return ok && slices.Contains(names, name.Name)
}
