package pipeline_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// [O1] Whatever package spans names is seen by a test: a name that is in none is dead, or nobody would notice its change.
func TestEveryNameOfTelemetryIsWrittenDown(t *testing.T) {
	var written strings.Builder
	for _, pattern := range []string{
		"testdata/telemetry_*.golden", "telemetry_log_test.go", "../../runner/telemetry_test.go", "../../runfn_spans_test.go",
		"../../telemetry/spans_test.go",
	} {
		for _, path := range glob(t, pattern) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			written.Write(text)
		}
	}
	names := namesOfTelemetry(t)
	if len(names) < 50 {
		t.Fatalf("found only %d names in package spans: %q", len(names), names)
	}
	var dead []string
	for _, name := range names {
		word := regexp.MustCompile(`(^|[^\w.])` + regexp.QuoteMeta(strings.TrimSpace(name)) + `($|[^\w.])`)
		if !word.MatchString(written.String()) {
			dead = append(dead, name)
		}
	}
	if len(dead) > 0 {
		t.Errorf("no test has seen the names %q; delete those that nothing uses and have a scenario show the others", dead)
	}
}

// namesOfTelemetry returns the values of all constants, and the names, units and descriptions of all metrics.
func namesOfTelemetry(t *testing.T) []string {
	t.Helper()
	var names []string
	text := func(e ast.Expr) {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, value)
		}
	}
	for _, path := range glob(t, "../spans/*.go") {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			values, ok := decl.(*ast.GenDecl)
			if !ok || values.Tok != token.CONST && values.Tok != token.VAR {
				continue
			}
			ast.Inspect(values, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					for _, value := range n.Values {
						text(value)
					}
				case *ast.CallExpr: // of an attribute key
					for _, argument := range n.Args {
						text(argument)
					}
				case *ast.KeyValueExpr: // a field of an Instrument
					text(n.Value)
				}
				return true
			})
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "github.com/") }) // the tracer's own
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.FromSlash(pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("found nothing at %s: %v", pattern, err)
	}
	return paths
}
