package archtest

import (
	"go/ast"
	"path"
	"strconv"
	"strings"
)

// CheckAliases returns the exported types of public packages that are aliases of internal types. Who reads the API cannot see what
// these are made of: define the type where it can be imported.
func CheckAliases(tree *Tree) []string {
	var violations []string
	for _, file := range tree.Files {
		if file.IsTest() || isInternal(file.Folder) || file.Syntax.Name.Name == "main" {
			continue
		}
		internal := internalImports(file.Syntax)
		ast.Inspect(file.Syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				_, body := n.(*ast.BlockStmt)
				return !body
			}
			if target := internalTarget(spec.Type, internal); spec.Assign.IsValid() && spec.Name.IsExported() && target != "" {
				violations = append(violations, tree.violation(spec.Pos(),
					"%s is an alias of a type of %s, whose fields and methods its documentation cannot show; define it in a public package",
					spec.Name.Name, target))
			}
			return false
		})
	}
	return violations
}

func isInternal(folder string) bool { return strings.Contains("/"+folder+"/", "/internal/") }

// internalImports returns the internal packages that a file imports, by the name that they have in it.
func internalImports(file *ast.File) map[string]string {
	internal := map[string]string{}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !isInternal(imported) {
			continue
		}
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		internal[name] = imported
	}
	return internal
}

// internalTarget returns the internal package of the type that an expression is or points to, "" if there is none.
func internalTarget(of ast.Expr, internal map[string]string) string {
	found := ""
	ast.Inspect(of, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok && internal[name.Name] != "" {
				found = internal[name.Name]
			}
		}
		return found == ""
	})
	return found
}
