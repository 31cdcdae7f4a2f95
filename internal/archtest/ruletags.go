package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// tagLists finds "[T1]" and "[T1, S4]".
var tagLists = regexp.MustCompile(`\[([A-Z]\d+(?:, ?[A-Z]\d+)*)\]`)

// MissingRuleTags returns the rules of the design that no test names. A test names a rule by its tag in brackets, in a
// comment or a string below the file's package clause, or by a part of its own name: TestX_T1. Test files in the exempt
// folders do not count.
func MissingRuleTags(tree *Tree, rules []string, exempt ...string) []string {
	named := map[string]bool{}
	for _, file := range tree.Files {
		if file.IsTest() && !matchAny(exempt, file.Folder) {
			maps.Insert(named, maps.All(tagsIn(file.Syntax)))
		}
	}
	var missing []string
	for _, rule := range rules {
		if !named[rule] {
			missing = append(missing, fmt.Sprintf("no test names rule [%[1]s] of the design: "+
				"write one that fails when %[1]s is broken, and put [%[1]s] into its comment", rule))
		}
	}
	return missing
}

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
			if parts := strings.Split(n.Name.Name, "_"); isTestName(parts[0]) {
				maps.Insert(tags, maps.All(setOf(parts[1:])))
			}
		}
		return true
	})
	return tags
}

func isTestName(name string) bool {
	return slices.ContainsFunc([]string{"Test", "Fuzz", "Example", "Benchmark"}, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}
