package archtest

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

var (
	generatedPart = regexp.MustCompile(`(?s)<!-- generated .*?<!-- end of .*?-->`)
	headingLine   = regexp.MustCompile(`(?m)^#.*$`)
	inlineCode    = regexp.MustCompile("`[^`\n]*`")
	link          = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)
)

// CheckTerms reports pages that use a term and never link it to the glossary. The link belongs to the first use. It ignores code,
// headings, generated parts and the texts of links. A term is the heading of its entry in lower case; its plural counts as well.
func CheckTerms(root fs.FS, glossary string, terms []string, pages ...string) ([]string, error) {
	var violations []string
	for _, term := range terms {
		if anchor := path.Base(glossary) + "#" + anchorOf(term); !leadsSomewhere(root, glossary, anchor) {
			violations = append(violations, fmt.Sprintf("%s has no entry %q: add it", glossary, term))
		}
	}
	for _, page := range pages {
		text, err := fs.ReadFile(root, page)
		if err != nil {
			return nil, fmt.Errorf("check terms: %w", err)
		}
		prose := string(text)
		for _, ignored := range []*regexp.Regexp{fenced, generatedPart, headingLine, inlineCode} {
			prose = ignored.ReplaceAllStringFunc(prose, blank)
		}
		for _, term := range terms {
			target := path.Base(glossary) + "#" + anchorOf(term)
			if line := unlinked(prose, term, target); line > 0 {
				violations = append(violations,
					fmt.Sprintf("%s:%d: the page uses %q and has no link to %s: add it to the first use", page, line, term, target))
			}
		}
	}
	return violations, nil
}

// unlinked returns the line of the first use of a term if no link leads to target; 0 if one does, or if the term is not used.
func unlinked(prose, term, target string) int {
	linked := false
	prose = link.ReplaceAllStringFunc(prose, func(l string) string {
		linked = linked || link.FindStringSubmatch(l)[2] == target
		return blank(l)
	})
	at := formsOf(term).FindStringIndex(prose)
	if linked || at == nil {
		return 0
	}
	return 1 + strings.Count(prose[:at[0]], "\n")
}

// formsOf matches a term and its plural as whole words. A line may end within a term.
func formsOf(term string) *regexp.Regexp {
	forms := strings.ReplaceAll(regexp.QuoteMeta(term), " ", `\s`) + "s?"
	if stem, ok := strings.CutSuffix(term, "y"); ok {
		forms = "(?:" + forms + "|" + strings.ReplaceAll(stem, " ", `\s`) + "ies)"
	}
	return regexp.MustCompile(`(?i)\b` + forms + `\b`)
}

// blank keeps the length and the lines of a text.
func blank(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return ' '
	}, text)
}
