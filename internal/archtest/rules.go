package archtest

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// RuleRow is one rule of the catalogue.
type RuleRow struct {
	Tag, Says string
	// Tests are the files whose tests name the rule, as the catalogue writes them; "" for a rule that is not built yet.
	Tests string
	Built bool
}

// ruleRow finds a row of the catalogue's tables: | R1 | what it says | tests |, without the last for what is not built yet.
var ruleRow = regexp.MustCompile(`^\| ([A-Z]\d+) \| (.+?) \|(?: (.*?) ?\|)?$`)

// ParseRules reads the catalogue of rules. Rows below the heading "Not built yet" are rules that no code follows yet.
func ParseRules(text string) ([]RuleRow, error) {
	var rows []RuleRow
	built := true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			built = !strings.Contains(line, "Not built yet")
		}
		if m := ruleRow.FindStringSubmatch(line); m != nil {
			if slices.ContainsFunc(rows, func(r RuleRow) bool { return r.Tag == m[1] }) {
				return nil, fmt.Errorf("rule %s is there twice", m[1])
			}
			rows = append(rows, RuleRow{Tag: m[1], Says: m[2], Tests: strings.TrimSpace(m[3]), Built: built})
		}
	}
	if len(rows) == 0 {
		return nil, errors.New("it has no rule")
	}
	return rows, nil
}

// CheckRules holds the catalogue and the tree against each other: each tag in code and tests is in the catalogue and built,
// each rule that is built is named by a test, and the catalogue names the files of these tests.
func CheckRules(tree *Tree, rows []RuleRow, exempt ...string) []string {
	rules := map[string]RuleRow{}
	for _, row := range rows {
		rules[row.Tag] = row
	}
	var violations []string
	for _, file := range tree.Files {
		if matchAny(exempt, file.Folder) {
			continue
		}
		for _, tag := range slices.Sorted(maps.Keys(allTagsIn(file))) {
			switch rule, known := rules[tag]; {
			case !known:
				violations = append(violations, fmt.Sprintf("%s names rule [%s], which docs/rules.md does not have", file.Path, tag))
			case !rule.Built:
				violations = append(violations, fmt.Sprintf("%s names rule [%s], which docs/rules.md lists as not built yet", file.Path, tag))
			}
		}
	}
	tests := RuleTests(tree, exempt...)
	for _, row := range rows {
		switch {
		case row.Built && tests[row.Tag] == "":
			violations = append(violations, fmt.Sprintf("no test names rule [%[1]s]: "+
				"write one that fails when %[1]s is broken, and put [%[1]s] into its comment", row.Tag))
		case row.Built && tests[row.Tag] != row.Tests:
			violations = append(violations, fmt.Sprintf("docs/rules.md: %s is tested by %s, not %s; "+
				"go test ./internal/archtest -update writes that", row.Tag, tests[row.Tag], row.Tests))
		}
	}
	return violations
}

// RuleTests returns, for each rule that a test names, the files of these tests: "folder: file, file; folder: file".
func RuleTests(tree *Tree, exempt ...string) map[string]string {
	named := map[string]map[string][]string{}
	for _, file := range tree.Files {
		if !file.IsTest() || matchAny(exempt, file.Folder) {
			continue
		}
		for tag := range tagsIn(file.Syntax) {
			if named[tag] == nil {
				named[tag] = map[string][]string{}
			}
			name := strings.TrimSuffix(path.Base(file.Path), "_test.go")
			named[tag][file.Folder] = append(named[tag][file.Folder], name)
		}
	}
	written := map[string]string{}
	for tag, folders := range named {
		var parts []string
		for _, folder := range slices.Sorted(maps.Keys(folders)) {
			name := folder
			if name == "." {
				name = "ergon"
			}
			parts = append(parts, name+": "+strings.Join(slices.Sorted(slices.Values(folders[folder])), ", "))
		}
		written[tag] = strings.Join(parts, "; ")
	}
	return written
}

// UpdateRules returns the catalogue with the files of the tests as the tree has them.
func UpdateRules(text string, tests map[string]string) string {
	var updated strings.Builder
	built := true
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			built = !strings.Contains(line, "Not built yet")
		}
		if m := ruleRow.FindStringSubmatch(strings.TrimSpace(line)); m != nil && built {
			line = fmt.Sprintf("| %s | %s | %s |\n", m[1], m[2], tests[m[1]])
		}
		updated.WriteString(line)
	}
	return updated.String()
}

// allTagsIn are the tags of a file, those before its package clause as well.
func allTagsIn(file File) map[string]bool {
	tags := tagsIn(file.Syntax)
	for _, comment := range file.Syntax.Comments {
		for _, list := range tagLists.FindAllStringSubmatch(comment.Text(), -1) {
			for one := range strings.SplitSeq(list[1], ",") {
				tags[strings.TrimSpace(one)] = true
			}
		}
	}
	return tags
}
