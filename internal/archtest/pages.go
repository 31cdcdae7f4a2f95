package archtest

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	fenced   = regexp.MustCompile("(?s)```.*?```")
	linked   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	goSource = regexp.MustCompile("`((?:[\\w.-]+/)*\\w+\\.go)`")
)

// CheckPages reports what a reader of pages in Markdown would look for in vain: links to files and headings that do not
// exist, and names of Go files that no folder has. It does not follow links to other hosts.
func CheckPages(root fs.FS, pages ...string) ([]string, error) {
	var sources []string
	err := fs.WalkDir(root, ".", func(name string, _ fs.DirEntry, err error) error {
		if strings.Contains(path.Base(name), ".go") { // templates of Go files included
			sources = append(sources, strings.TrimSuffix(name, ".tmpl"))
		}
		return err
	})
	var violations []string
	for _, page := range pages {
		text, readErr := fs.ReadFile(root, page)
		if readErr != nil {
			return nil, fmt.Errorf("check pages: %w", readErr)
		}
		prose := fenced.ReplaceAllString(string(text), "")
		for _, link := range linked.FindAllStringSubmatch(prose, -1) {
			if !leadsSomewhere(root, page, link[1]) {
				violations = append(violations, fmt.Sprintf("%s links to %s, which does not exist: correct the link", page, link[1]))
			}
		}
		for _, source := range goSource.FindAllStringSubmatch(prose, -1) {
			if !hasSource(sources, source[1]) {
				violations = append(violations, fmt.Sprintf("%s names %s, which does not exist: use its new name", page, source[1]))
			}
		}
	}
	return violations, err
}

func leadsSomewhere(root fs.FS, page, link string) bool {
	if strings.Contains(link, "://") {
		return true
	}
	file, anchor, hasAnchor := strings.Cut(link, "#")
	target := page
	if file != "" {
		target = path.Join(path.Dir(page), file)
	}
	if _, err := fs.Stat(root, target); err != nil {
		return false
	}
	if !hasAnchor {
		return true
	}
	text, err := fs.ReadFile(root, target)
	return err == nil && slices.ContainsFunc(heading.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1),
		func(h []string) bool { return anchorOf(h[1]) == anchor })
}

// anchorOf is the anchor that renderers of Markdown make of a heading.
func anchorOf(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, strings.TrimSpace(heading))
}

func hasSource(sources []string, name string) bool {
	return slices.ContainsFunc(sources, func(source string) bool { return source == name || strings.HasSuffix(source, "/"+name) })
}
