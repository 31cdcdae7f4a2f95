package config_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// The descriptions in the JSON schema are the comments in package policy, which are not there at run time.
func TestDescriptionsInTheSchemaAreThoseOfThePolicies(t *testing.T) {
	var source bytes.Buffer
	source.WriteString("// Code generated from the comments of package policy by policydoc_test.go; DO NOT EDIT.\n\n" +
		"package config\n\n" +
		"// policyDoc describes the fields of package policy, as \"Loop.mode\".\n" +
		"func policyDoc() map[string]string {\n\treturn map[string]string{\n")
	doc := policyDoc(t)
	for _, key := range slices.Sorted(maps.Keys(doc)) {
		fmt.Fprintf(&source, "\t\t%q: %q,\n", key, doc[key])
	}
	source.WriteString("\t}\n}\n")
	formatted, err := format.Source(source.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "policydoc.go", formatted)
}

// policyDoc returns the comment of each field of package policy, as "Loop.mode".
func policyDoc(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../policy/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of package policy: %v", err)
	}
	doc, keys := map[string]string{}, map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			declaration, ok := n.(*ast.GenDecl)
			if !ok || declaration.Tok != token.TYPE {
				return true
			}
			for _, spec := range declaration.Specs {
				documentType(doc, keys, spec.(*ast.TypeSpec))
			}
			return false
		})
	}
	return inYAMLWords(doc, keys)
}

func documentType(doc, keys map[string]string, spec *ast.TypeSpec) {
	structure, ok := spec.Type.(*ast.StructType)
	if !ok || !spec.Name.IsExported() {
		return
	}
	for _, f := range structure.Fields.List {
		if f.Tag == nil {
			continue
		}
		key := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("yaml")
		doc[spec.Name.Name+"."+key] = f.Doc.Text()
		keys[f.Names[0].Name] = key
	}
}

// inYAMLWords calls fields by their keys where their name is more than one word.
func inYAMLWords(doc, keys map[string]string) map[string]string {
	word := regexp.MustCompile(`\b[A-Z][A-Za-z]+\b`)
	for at, comment := range doc {
		comment = word.ReplaceAllStringFunc(strings.Join(strings.Fields(comment), " "), func(name string) string {
			if key := keys[name]; key != "" && strings.ContainsFunc(name[1:], unicode.IsUpper) {
				return key
			}
			return name
		})
		doc[at] = comment
	}
	return doc
}
