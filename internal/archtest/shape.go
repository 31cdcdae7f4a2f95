package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// Shape bounds how much of a package one type may be, so that its parts can be read, made and tested one by one.
type Shape struct {
	// Methods is the maximum number of methods of a type.
	Methods int
	// Larger names types that may have more methods, and how many.
	Larger map[string]int
	// Files is the maximum number of files with methods of one type, if it has more than Small methods.
	Files, Small int
	// Whole names types that no struct may embed, and HeldBy those of them that no struct may have a field of, with the structs that may
	// all the same.
	Whole  []string
	HeldBy map[string][]string
	// Budget bounds files and functions.
	Budget Budget
}

// typeShape is the shape of one type.
type typeShape struct {
	name    string
	at      token.Pos
	methods int
	files   []string
}

// Check describes the shape of the package in a folder, and returns what is out of bounds. Tests do not count.
func (s Shape) Check(tree *Tree, folder string) (description string, violations []string) {
	part := tree.only(folder)
	types := part.shapes()
	if len(types) == 0 {
		return "", []string{folder + " has no methods: the check was given the wrong folder"}
	}
	var text strings.Builder
	for _, t := range types[:min(len(types), 10)] {
		fmt.Fprintf(&text, "%3d methods in %d files: %s\n", t.methods, len(t.files), t.name)
	}
	for _, t := range types {
		if limit := max(s.Methods, s.Larger[t.name]); t.methods > limit {
			violations = append(violations, tree.violation(t.at, "%s has %d methods, more than %d: make a part of it a separate type",
				t.name, t.methods, limit))
		}
		if t.methods > s.Small && len(t.files) > s.Files {
			violations = append(violations, tree.violation(t.at, "%s has methods in %d files, more than %d: %s",
				t.name, len(t.files), s.Files, strings.Join(t.files, ", ")))
		}
	}
	violations = append(violations, s.held(part)...)
	return text.String(), append(violations, s.Budget.Check(part)...)
}

// only is the part of a tree that is compiled from one folder.
func (t *Tree) only(folder string) *Tree {
	part := &Tree{Module: t.Module, positions: t.positions}
	for _, file := range t.Files {
		if file.Folder == folder && !file.IsTest() {
			part.Files = append(part.Files, file)
		}
	}
	return part
}

// shapes returns the types of a package that have methods, the biggest first.
func (t *Tree) shapes() []*typeShape {
	byName := map[string]*typeShape{}
	var all []*typeShape
	for _, file := range t.Files {
		for _, declaration := range file.Syntax.Decls {
			method, ok := declaration.(*ast.FuncDecl)
			if !ok || method.Recv == nil {
				continue
			}
			name := baseOf(method.Recv.List[0].Type)
			shape := byName[name]
			if shape == nil {
				shape = &typeShape{name: name, at: method.Pos()}
				byName[name] = shape
				all = append(all, shape)
			}
			shape.methods++
			if !slices.Contains(shape.files, file.Path) {
				shape.files = append(shape.files, file.Path)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *typeShape) int { return b.methods - a.methods })
	return all
}

// held returns the fields that a struct must not have.
func (s Shape) held(tree *Tree) (violations []string) {
	for _, file := range tree.Files {
		ast.Inspect(file.Syntax, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok {
				return true
			}
			structure, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range structure.Fields.List {
				of := baseOf(field.Type)
				holders, bound := s.HeldBy[of]
				switch {
				case len(field.Names) == 0 && slices.Contains(s.Whole, of):
					violations = append(violations, tree.violation(field.Pos(), "%s embeds %s: give it the parts that it needs",
						spec.Name.Name, of))
				case bound && len(field.Names) > 0 && !slices.Contains(holders, spec.Name.Name):
					violations = append(violations, tree.violation(field.Pos(), "%s holds a %s: give it the parts that it needs",
						spec.Name.Name, of))
				}
			}
			return true
		})
	}
	return violations
}

// baseOf is the name of the type of a receiver or field, whatever is around it: pointer, slice or type arguments.
func baseOf(of ast.Expr) string {
	switch of := of.(type) {
	case *ast.StarExpr:
		return baseOf(of.X)
	case *ast.ArrayType:
		return baseOf(of.Elt)
	case *ast.IndexExpr:
		return baseOf(of.X)
	case *ast.IndexListExpr:
		return baseOf(of.X)
	case *ast.Ident:
		return of.Name
	default:
		return ""
	}
}
