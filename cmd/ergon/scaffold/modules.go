package scaffold

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const ergonModule = "github.com/ergon-go/ergon"

// where the GoMod of a project is from, in a clone.
const home = "cmd/ergon"

// modules is the program's go.mod: the module of its own, all requirements of p.GoMod, and where that replaces modules by
// folders of its clone, the same folders.
func (p Project) modules(folder string) (string, error) {
	mod := withDirective(p.GoMod, "module", p.Module)
	if len(replaced(p.GoMod)) == 0 {
		return mod, nil
	}
	clone, err := p.clone()
	if err != nil {
		return "", err
	}
	if inside, err := filepath.Rel(clone, folder); err == nil && filepath.IsLocal(inside) {
		return "", fmt.Errorf("the folder %s is inside of the clone of Ergon, whose workspace it would be in the way of; "+
			"choose one outside of %s", folder, clone)
	}
	return replacement.ReplaceAllStringFunc(mod, func(match string) string {
		found := replacement.FindStringSubmatch(match)
		module, target := found[1], found[2]
		return module + " => " + quoted(filepath.Join(clone, home, filepath.FromSlash(target)))
	}), nil
}

// replacement is a module that is replaced by a folder.
var replacement = regexp.MustCompile(`(\S+) => (\.\.?/\S*)`)

// replaced returns the modules that are.
func replaced(mod string) []string {
	var modules []string
	for _, found := range replacement.FindAllStringSubmatch(mod, -1) {
		modules = append(modules, found[1])
	}
	return modules
}

func withDirective(mod, directive, value string) string {
	lines := strings.SplitAfter(mod, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, directive+" ") {
			lines[i] = directive + " " + value + "\n"
		}
	}
	return strings.Join(lines, "")
}

// quoted is a path as go.mod has it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t\"'`,()[]{}") || strings.Contains(path, "//") {
		return strconv.Quote(path)
	}
	return path
}

// clone finds a clone of Ergon.
func (p Project) clone() (string, error) {
	if p.Clone != "" {
		root, err := filepath.Abs(p.Clone)
		if err != nil || !isClone(root) {
			err = errors.Join(err, fmt.Errorf("--ergon: %s is not a clone of Ergon: it has no go.mod of the module %s", p.Clone, ergonModule))
			return "", err
		}
		return root, nil
	}
	working, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find a clone of Ergon: %w", err)
	}
	for _, start := range []string{working, p.BuiltFrom} {
		for folder := start; filepath.IsAbs(folder); folder = filepath.Dir(folder) {
			if isClone(folder) {
				return folder, nil
			}
			if folder == filepath.Dir(folder) {
				break
			}
		}
	}
	return "", fmt.Errorf("this program knows no release of Ergon, and there is no clone around %s; "+
		"say where one is with --ergon", working)
}

func isClone(folder string) bool {
	file, err := os.Open(filepath.Join(folder, "go.mod")) //nolint:gosec // only its first line is looked at
	if err != nil {
		return false
	}
	defer file.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(file)
	return lines.Scan() && strings.TrimSpace(lines.Text()) == "module "+ergonModule
}

var element = regexp.MustCompile(`^[A-Za-z0-9_~-]([A-Za-z0-9._~-]*[A-Za-z0-9_~-])?$`)

// moduleProblem says what is wrong with a module's path, as the go command sees it; "" for nothing.
func moduleProblem(module string) string {
	elements := strings.Split(module, "/")
	switch {
	case module == "":
		return "is empty"
	case slices.Contains([]string{"std", "cmd"}, elements[0]):
		return "is one of Go's own"
	case elements[0][:min(1, len(elements[0]))] == "-":
		return "begins with a hyphen"
	case slices.ContainsFunc(elements, func(e string) bool { return !element.MatchString(e) }):
		return "must consist of names of letters, digits, -, _, ~ and dots inside, with a / between them"
	default:
		return ""
	}
}
