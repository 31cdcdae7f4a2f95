package archtest_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

// [K1] A connector may lack an interface that its Go type has, so nobody asserts one.
func TestInterfacesOfConnectorsAreFoundByAs(t *testing.T) {
	lookups := archtest.Lookups{".": {"Fetcher", "Dispatcher"}, "capability": nil, "deadletter": nil}
	report(t, lookups.Check(repository(t), "capability.As"))
}

func TestAssertionsOfInterfacesOfConnectorsAreFound(t *testing.T) {
	lookups := archtest.Lookups{".": {"Fetcher"}, "can": nil}
	const (
		can    = `package can; type Settler interface{}; type Set int`
		header = `package a; import ("example.org/shop"; "example.org/shop/can"); var _ can.Set; var _ shop.Task; `
		found  = "use can.As"
	)
	for name, c := range map[string]struct {
		file, source string
		want         []string
	}{
		"asserted":              {"a/a.go", header + `func f(v any) { _ = v.(can.Settler) }`, []string{found}},
		"asserted twice":        {"a/a.go", header + `func f(v any) { _, _ = v.(can.Settler); _ = v.(shop.Fetcher) }`, []string{found, found}},
		"type switch":           {"a/a.go", header + `func f(v any) { switch v.(type) { case int, can.Settler: } }`, []string{found}},
		"under another name":    {"a/a.go", `package a; import c "example.org/shop/can"; func f(v any) { _ = v.(c.Settler) }`, []string{found}},
		"not named":             {"a/a.go", header + `func f(v any) { _ = v.(shop.Opener) }`, nil},
		"no interface":          {"a/a.go", header + `func f(v any) { _ = v.(can.Set) }`, nil},
		"of another package":    {"a/a.go", `package a; import "example.org/can"; func f(v any) { _ = v.(can.Settler) }`, nil},
		"in the package itself": {"can/b.go", `package can; func f(v any) { _ = v.(Settler) }`, nil},
		"in a test":             {"a/a_test.go", header + `func f(v any) { _ = v.(can.Settler) }`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"can/can.go": can, c.file: c.source}
			expect(t, lookups.Check(fixture(t, files), "can.As"), c.want...)
		})
	}
}
