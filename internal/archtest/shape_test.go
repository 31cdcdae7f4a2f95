package archtest_test

import (
	"strings"
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

func TestEngineConsistsOfParts(t *testing.T) {
	shape := archtest.Shape{
		Methods: 25, Files: 4, Small: 10,
		Whole:  []string{"Consumer", "hybrid", "worker", "fetchLoop"},
		HeldBy: map[string][]string{"Consumer": {"Producer"}}, // a producing loop is a consuming one over another source
		Budget: archtest.Budget{MedianFileLines: 100, LongFileLines: 400, FunctionLinesP90: 25},
	}
	description, violations := shape.Check(repository(t), "internal/pipeline")
	t.Log("\n" + description)
	report(t, violations)
}

const shop = `package shop
	type Till struct{ open bool }
	func (t *Till) Open() {}
	func (t *Till) Close() {}
	type pair[K, V any] struct{}
	func (pair[K, V]) key() {}
	func add() {}`

// loose is a shape that only the aspect under test can break.
func loose(change func(*archtest.Shape)) archtest.Shape {
	shape := archtest.Shape{Methods: 100, Files: 100, Budget: generous(func(*archtest.Budget) {})}
	change(&shape)
	return shape
}

func TestTypeWithTooManyMethodsIsFoundAtBothSidesOfTheBound(t *testing.T) {
	tree := fixture(t, map[string]string{
		"shop/till.go": shop, "shop/more.go": "package shop\nfunc (t Till) Add() {}", "shop/a_test.go": "package shop\nfunc (t Till) test() {}",
		"other/till.go": "package other\nfunc (t Till) Open() {}",
	})
	description, violations := loose(func(s *archtest.Shape) { s.Methods, s.Files = 3, 2 }).Check(tree, "shop")
	expect(t, violations)
	if want := "3 methods in 2 files: Till\n  1 methods in 1 files: pair\n"; !strings.Contains(description, want) {
		t.Errorf("the description is %q, want it to contain %q", description, want)
	}
	_, violations = loose(func(s *archtest.Shape) { s.Methods = 2 }).Check(tree, "shop")
	expect(t, violations, "Till has 3 methods, more than 2")
	_, violations = loose(func(s *archtest.Shape) { s.Methods, s.Larger = 1, map[string]int{"Till": 3} }).Check(tree, "shop")
	expect(t, violations)
	_, violations = loose(func(s *archtest.Shape) { s.Methods, s.Larger = 1, map[string]int{"Till": 2} }).Check(tree, "shop")
	expect(t, violations, "Till has 3 methods, more than 2")
	_, violations = loose(func(s *archtest.Shape) { s.Files = 1 }).Check(tree, "shop")
	expect(t, violations, "Till has methods in 2 files, more than 1: shop/more.go, shop/till.go")
	_, violations = loose(func(s *archtest.Shape) { s.Files, s.Small = 1, 3 }).Check(tree, "shop")
	expect(t, violations)
}

func TestTypeThatIsEmbeddedOrHeldAsAWholeIsFound(t *testing.T) {
	tree := fixture(t, map[string]string{"shop/till.go": shop + `
		type drawer struct {
			*Till
			coins int
		}
		type owner struct { tills []*Till }
		type clerk struct { till *Till }
		type key struct { pair[int, int] }
		func make() { type inner struct { Till } }`})
	shape := loose(func(s *archtest.Shape) {
		s.Whole, s.HeldBy = []string{"Till", "pair"}, map[string][]string{"Till": {"clerk"}}
	})
	_, violations := shape.Check(tree, "shop")
	expect(t, violations, "drawer embeds Till", "owner holds a Till", "key embeds pair", "inner embeds Till")
}

func TestFilesAndFunctionsOfThePackageAreBounded(t *testing.T) {
	tree := fixture(t, map[string]string{
		"shop/till.go": shop, "shop/long.go": "package shop\n" + strings.Repeat("\n", 20), "other/long.go": fileOf(90),
	})
	_, violations := loose(func(s *archtest.Shape) { s.Budget.LongFileLines = 21 }).Check(tree, "shop")
	expect(t, violations)
	_, violations = loose(func(s *archtest.Shape) { s.Budget.LongFileLines = 20 }).Check(tree, "shop")
	expect(t, violations, "shop/long.go:1: 21 lines, more than 20")
}

func TestFolderWithoutMethodsIsTheWrongOne(t *testing.T) {
	_, violations := archtest.Shape{}.Check(fixture(t, map[string]string{"shop/till.go": shop}), "till")
	expect(t, violations, "till has no methods")
}
