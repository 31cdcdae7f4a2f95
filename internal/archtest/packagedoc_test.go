package archtest_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

func TestEveryPackageHasOnePackageComment(t *testing.T) {
	report(t, archtest.CheckPackageComments(repository(t)))
}

func TestPackageCommentsThatAreMissingDoubledOrMisnamedAreFound(t *testing.T) {
	type sources = map[string]string
	const counts = "// Package till counts.\npackage till"
	for name, c := range map[string]struct {
		sources sources
		want    []string
	}{
		"one":                  {sources{"till/a.go": counts, "till/b.go": "package till"}, nil},
		"none":                 {sources{"till/a.go": "package till"}, []string{"no package comment in till"}},
		"cut off from package": {sources{"till/a.go": "// Package till counts.\n\npackage till"}, []string{"no package comment"}},
		"a directive is none":  {sources{"till/a.go": "//go:debug x=1\npackage till"}, []string{"no package comment"}},
		"two":                  {sources{"till/a.go": counts, "till/b.go": counts}, []string{"till/b.go:2: second package comment"}},
		"wrong name":           {sources{"till/a.go": "// Package shelf counts.\npackage till"}, []string{`begins "Package shelf"`}},
		"like name":            {sources{"till/a.go": "// Package tills count.\npackage till"}, []string{`want "Package till"`}},
		"command":              {sources{"cmd/shop/main.go": "// Command shop sells.\npackage main"}, nil},
		"misnamed command":     {sources{"cmd/shop/main.go": "// Command till sells.\npackage main"}, []string{`want "Command shop"`}},
		"tests only":           {sources{"till/a_test.go": "package till"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, archtest.CheckPackageComments(fixture(t, c.sources)), c.want...)
		})
	}
}
