package archtest

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// CheckPackageComments returns the packages that do not have exactly one package comment, in one file, that begins with
// "Package x", or "Command x" for a program in folder x. Packages that consist of tests need none.
func CheckPackageComments(tree *Tree) []string {
	packages := map[string][]File{}
	for _, file := range tree.Files {
		if !file.IsTest() {
			packages[file.Folder] = append(packages[file.Folder], file)
		}
	}
	var violations []string
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		violations = append(violations, checkPackageComment(tree, packages[folder])...)
	}
	return violations
}

func checkPackageComment(tree *Tree, files []File) []string {
	commented := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.Syntax.Doc.Text() == "" })
	want := packageCommentStart(tree.Module, files[0])
	if len(commented) == 0 {
		return []string{tree.violation(files[0].Syntax.Package,
			"no package comment in %s: say in doc.go or the main file what it is for, beginning %q", files[0].Folder, want[0])}
	}
	var violations []string
	if got := leadingWords(commented[0].Syntax.Doc.Text()); !slices.Contains(want, got) {
		violations = append(violations, tree.violation(commented[0].Syntax.Package, "package comment begins %q, want %q", got, want[0]))
	}
	for _, file := range commented[1:] {
		violations = append(violations, tree.violation(file.Syntax.Package,
			"second package comment; the first is in %s: say it in one place", commented[0].Path))
	}
	return violations
}

func packageCommentStart(module string, file File) []string {
	name := file.Syntax.Name.Name
	if name != "main" {
		return []string{"Package " + name}
	}
	command := path.Base(path.Join(module, file.Folder))
	return []string{"Command " + command, "Package main"}
}

func leadingWords(comment string) string {
	words := strings.Fields(comment)
	return strings.Join(words[:min(2, len(words))], " ")
}
