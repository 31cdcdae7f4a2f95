package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// tagLists finds "[T1]" and "[T1, S4]".
var tagLists = regexp.MustCompile(`\[([A-Z]\d+(?:, ?[A-Z]\d+)*)\]`)

// tag finds one by itself.
var tag = regexp.MustCompile(`^[A-Z]\d+$`)

// tagsIn returns the rules that a file names below its package clause: by their tags in brackets, in a comment or a string, or
// by a part of a test's own name: TestX_T1.
func tagsIn(file *ast.File) map[string]bool {
	tags := map[string]bool{}
	add := func(text string) {
		for _, list := range tagLists.FindAllStringSubmatch(text, -1) {
			for tag := range strings.SplitSeq(list[1], ",") {
				tags[strings.TrimSpace(tag)] = true
			}
		}
	}
	for _, comment := range file.Comments {
		if comment.Pos() > file.Package {
			for _, line := range comment.List {
				add(line.Text)
			}
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				add(n.Value)
			}
		case *ast.FuncDecl:
			for _, part := range tagsInName(n.Name.Name) {
				tags[part] = true
			}
		}
		return true
	})
	return tags
}

// tagsInName returns the rules in the name of a test.
func tagsInName(name string) []string {
	parts := strings.Split(name, "_")
	if !isTestName(parts[0]) {
		return nil
	}
	return slices.DeleteFunc(parts[1:], func(part string) bool { return !tag.MatchString(part) })
}

func isTestName(name string) bool {
	return slices.ContainsFunc([]string{"Test", "Fuzz", "Example", "Benchmark"}, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
}
