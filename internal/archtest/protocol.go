package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// CheckProtocol compares a page that documents the concurrency of packages with their code. The page has a table row for
// every state word, lock and number of them and for nothing else: a row begins with "| `name`". A state word or lock is a
// field `type.field` whose type comes from sync or sync/atomic, is attempt.Owner, or is named semaphore; a number is a constant of the
// package that is no text and no member of an enumeration with a type of its own.
func CheckProtocol(tree *Tree, page, text string, folders ...string) []string {
	inCode, onPage := concurrencyOf(tree, folders), rowsOf(text)
	var violations []string
	for _, name := range slices.Sorted(maps.Keys(inCode)) {
		if !onPage[name] {
			violations = append(violations, tree.violation(inCode[name], "%s is not in %s: add a row that says who changes it, and why it "+
				"has this value", name, page))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(onPage)) {
		if _, ok := inCode[name]; !ok {
			violations = append(violations, fmt.Sprintf("%s has a row for %s, which is not in the code", page, name))
		}
	}
	return violations
}

var protocolRow = regexp.MustCompile("(?m)^\\| `([^`]+)`")

func rowsOf(text string) map[string]bool {
	rows := map[string]bool{}
	for _, row := range protocolRow.FindAllStringSubmatch(text, -1) {
		rows[row[1]] = true
	}
	return rows
}

// concurrencyOf finds the state words, locks and numbers of packages, by their names.
func concurrencyOf(tree *Tree, folders []string) map[string]token.Pos {
	found := map[string]token.Pos{}
	for _, file := range tree.Files {
		if !slices.Contains(folders, file.Folder) || file.IsTest() {
			continue
		}
		for _, declaration := range file.Syntax.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					addWords(found, spec)
				case *ast.ValueSpec:
					if general.Tok == token.CONST && !isOwnType(general.Specs[0]) {
						addNumbers(found, spec)
					}
				}
			}
		}
	}
	return found
}

func addWords(found map[string]token.Pos, spec *ast.TypeSpec) {
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range structure.Fields.List {
		for _, name := range field.Names {
			if isShared(field.Type) {
				found[spec.Name.Name+"."+name.Name] = name.Pos()
			}
		}
	}
}

// isShared reports whether a type is one that goroutines share by design.
func isShared(of ast.Expr) bool {
	switch of := of.(type) {
	case *ast.ArrayType:
		return isShared(of.Elt)
	case *ast.IndexExpr:
		return isShared(of.X)
	case *ast.SelectorExpr:
		return isNamed(of.X, "atomic") || isNamed(of.X, "sync") || isNamed(of.X, "attempt") && of.Sel.Name == "Owner"
	default:
		return isNamed(of, "semaphore")
	}
}

// isOwnType reports whether a group of constants is an enumeration of an exported type or of a type that its package declares
// for it: its values are names, and no numbers.
func isOwnType(first ast.Spec) bool {
	values, ok := first.(*ast.ValueSpec)
	if !ok || values.Type == nil {
		return false
	}
	named, ok := values.Type.(*ast.Ident)
	return ok && types.Universe.Lookup(named.Name) == nil && len(values.Values) == 1 && isNamed(values.Values[0], "iota")
}

func addNumbers(found map[string]token.Pos, spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		if name.Name == "_" || i < len(spec.Values) && isText(spec.Values[i]) {
			continue
		}
		found[name.Name] = name.Pos()
	}
}

func isText(value ast.Expr) bool {
	literal, ok := value.(*ast.BasicLit)
	return ok && literal.Kind == token.STRING && strings.HasPrefix(literal.Value, `"`)
}
