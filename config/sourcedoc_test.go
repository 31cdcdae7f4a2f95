package config_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// sourceDoc is what the comments of a package say about what is configured. They are not there at run time.
type sourceDoc struct {
	types  map[string]string     // by the type's name
	fields map[string][]fieldDoc // of structs, those with a YAML key, by the type's name
	values map[string][]valueDoc // constants, by the name of their type
}

type fieldDoc struct{ name, key, comment string }

type valueDoc struct{ name, value, comment string }

func readSourceDoc(t *testing.T, folder string) sourceDoc {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go files in %s: %v", folder, err)
	}
	doc := sourceDoc{types: map[string]string{}, fields: map[string][]fieldDoc{}, values: map[string][]valueDoc{}}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			if general, ok := declaration.(*ast.GenDecl); ok {
				doc.add(general)
			}
		}
	}
	return doc
}

func (d sourceDoc) add(declaration *ast.GenDecl) {
	for _, spec := range declaration.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			d.addType(spec, oneLine(declaration.Doc))
		case *ast.ValueSpec:
			d.addValue(spec)
		}
	}
}

func (d sourceDoc) addType(spec *ast.TypeSpec, comment string) {
	if !spec.Name.IsExported() {
		return
	}
	d.types[spec.Name.Name] = comment
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range structure.Fields.List {
		if f.Tag == nil {
			continue
		}
		key := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("yaml")
		d.fields[spec.Name.Name] = append(d.fields[spec.Name.Name], fieldDoc{f.Names[0].Name, key, oneLine(f.Doc)})
	}
}

func (d sourceDoc) addValue(spec *ast.ValueSpec) {
	of, typed := spec.Type.(*ast.Ident)
	if !typed || len(spec.Values) != 1 {
		return
	}
	if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
		value, _ := strconv.Unquote(literal.Value)
		d.values[of.Name] = append(d.values[of.Name], valueDoc{spec.Names[0].Name, value, oneLine(spec.Doc)})
	}
}

func oneLine(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}
