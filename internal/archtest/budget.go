package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// Budget bounds the size of what a reader has to take in at once. It counts files that people write and users compile:
// no tests, nothing generated.
type Budget struct {
	// MedianFileLines is the most that the median file may have.
	MedianFileLines int
	// LongFileLines is what a file may have without a reason in its first comment, on a line that begins with
	// "Long on purpose:".
	LongFileLines int
	// FunctionLinesP90 is what nine of ten functions may have at most, signature and braces included.
	FunctionLinesP90 int
	// RootExportedNames is how many constants, variables, types and functions the root package may export. Methods and
	// fields do not count.
	RootExportedNames int
}

// sized is a file or function with its length.
type sized struct {
	name  string
	lines int
}

// Check returns what is over budget; where a median or percentile is, it names the longest that make it so. Files in the
// exempt folders do not count.
func (b Budget) Check(tree *Tree, exempt ...string) []string {
	var files, functions []sized
	var exported, violations []string
	for _, file := range tree.Files {
		if file.IsTest() || file.IsGenerated() || matchAny(exempt, file.Folder) {
			continue
		}
		files = append(files, sized{file.Path, file.Lines})
		functions = append(functions, tree.functions(file)...)
		if file.Folder == "." {
			exported = append(exported, exportedNames(file.Syntax)...)
		}
		if file.Lines > b.LongFileLines && !saysWhyLong(file.Syntax) {
			violations = append(violations, tree.violation(file.Syntax.Package,
				"%d lines, more than %d: split it, or begin its first comment with \"Long on purpose:\" and the reason",
				file.Lines, b.LongFileLines))
		}
	}
	violations = append(violations, overPercentile(files, "files", 50, b.MedianFileLines)...)
	violations = append(violations, overPercentile(functions, "functions", 90, b.FunctionLinesP90)...)
	if len(exported) > b.RootExportedNames {
		violations = append(violations, fmt.Sprintf("the root package exports %d names, more than %d; put what task authors "+
			"do not touch elsewhere: %s", len(exported), b.RootExportedNames, strings.Join(exported, ", ")))
	}
	return violations
}

func saysWhyLong(file *ast.File) bool {
	for _, comment := range file.Comments {
		if text := comment.Text(); text != "" {
			return slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
				reason, found := strings.CutPrefix(line, "Long on purpose:")
				return found && strings.TrimSpace(reason) != ""
			})
		}
	}
	return false
}

func (t *Tree) functions(file File) []sized {
	var found []sized
	for _, declaration := range file.Syntax.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		start, end := t.positions.Position(function.Pos()), t.positions.Position(function.End())
		found = append(found, sized{
			name:  fmt.Sprintf("%s:%d %s", file.Path, start.Line, function.Name.Name),
			lines: end.Line - start.Line + 1,
		})
	}
	return found
}

// overPercentile returns one violation if percent of all are not within limit, naming the longest ones over it.
func overPercentile(all []sized, kind string, percent, limit int) []string {
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b sized) int { return cmp.Compare(b.lines, a.lines) })
	value := all[len(all)-rank(len(all), percent)].lines
	if value <= limit {
		return nil
	}
	const most = 20
	var offenders strings.Builder
	for _, one := range all[:min(most, len(all))] {
		if one.lines > limit {
			fmt.Fprintf(&offenders, "\n\t%4d lines  %s", one.lines, one.name)
		}
	}
	return []string{fmt.Sprintf("percentile %d of the length of %s is %d lines, more than %d; the longest are:%s",
		percent, kind, value, limit, offenders.String())}
}

// rank is the nearest rank of a percentile: how many of n values, from the smallest, lie at or below it.
func rank(n, percent int) int { return max(1, (n*percent+99)/100) }

func exportedNames(file *ast.File) []string {
	var names []string
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.IsExported() {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			if d.Tok != token.IMPORT {
				names = append(names, exportedSpecs(d.Specs)...)
			}
		}
	}
	return names
}

func exportedSpecs(specs []ast.Spec) []string {
	var names []string
	for _, spec := range specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				names = append(names, s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}
