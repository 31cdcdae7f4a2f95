package config_test

import (
	"bytes"
	"fmt"
	"go/format"
	"maps"
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
	doc, keys := map[string]string{}, map[string]string{}
	for of, fields := range readSourceDoc(t, "../policy").fields {
		for _, f := range fields {
			doc[of+"."+f.key] = f.comment
			keys[f.name] = f.key
		}
	}
	return inYAMLWords(doc, keys)
}

// inYAMLWords calls fields by their keys where their name is more than one word.
func inYAMLWords(doc, keys map[string]string) map[string]string {
	word := regexp.MustCompile(`\b[A-Z][A-Za-z]+\b`)
	for at, comment := range doc {
		comment = word.ReplaceAllStringFunc(comment, func(name string) string {
			if key := keys[name]; key != "" && strings.ContainsFunc(name[1:], unicode.IsUpper) {
				return key
			}
			return name
		})
		doc[at] = comment
	}
	return doc
}
