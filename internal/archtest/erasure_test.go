package archtest_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

func TestGenericsMeetAnyInOneFile(t *testing.T) {
	const typedTasks = "task_typed.go"
	erasure := archtest.Erasure{
		MakesTasks: []string{typedTasks},
		Asserts: []string{
			typedTasks,
			"dependencies.go", // connectors and services are kept by name, whatever their type, and asked for by type
			"codec.go",        // a payload becomes the type that the task asked for
		},
	}
	report(t, erasure.Check(repository(t)))
}

func TestGenericsThatMeetAnyElsewhereAreFound(t *testing.T) {
	erasure := archtest.Erasure{MakesTasks: []string{"typed.go"}, Asserts: []string{"typed.go", "dependencies.go"}}
	const (
		task    = "makes or takes a Task"
		convert = "between any and a type parameter"
	)
	for name, c := range map[string]struct {
		file, source string
		want         []string
	}{
		"returns a Task":             {"a.go", "func f[P any]() Task", []string{task}},
		"makes a Task":               {"a.go", "func f[P any]() { g(Task{}) }", []string{task}},
		"takes a like name":          {"a.go", "func f[P any](t ConsumerTask[P]) { t.g() }", nil},
		"in the file for it":         {"typed.go", "func f[P any](v any) Task { return h(v.(P)) }", nil},
		"Task without generics":      {"a.go", "func f() Task { return Task{} }", nil},
		"Task where only assertions": {"dependencies.go", "func f[P any](v any) Task { return h(v.(P)) }", []string{task}},
		"assertion":                  {"a.go", "func f[P any](v any) P { return v.(P) }", []string{convert}},
		"assertion in a method":      {"a.go", "func (d *decoder[P]) f(v any) { g(v.(P)) }", []string{convert}},
		"second parameter":           {"a.go", "func (d decoder[P, Q]) f(v any) { g(v.(Q)) }", []string{convert}},
		"assertion in a closure":     {"a.go", "func f[P any]() { g(func(v any) P { return v.(P) }) }", []string{convert}},
		"type switch":                {"a.go", "func f[P any](v any) { switch v.(type) { case int, P: } }", []string{convert}},
		"conversion to any":          {"a.go", "func f[P any](v P) any { return any(v) }", []string{convert}},
		"assertion to another type":  {"a.go", "func f[P any](v error) { g(v.(fault)) }", nil},
		"assertion without generics": {"a.go", "func f(v any) int { return v.(int) }", nil},
		"in a test":                  {"a_test.go", "func f[P any](v any) P { return v.(P) }", nil},
		"in another package":         {"till/a.go", "func f[P any](v any) P { return v.(P) }", nil},
	} {
		t.Run(name, func(t *testing.T) {
			source := "package shop\n" + c.source
			expect(t, erasure.Check(fixture(t, map[string]string{c.file: source})), c.want...)
		})
	}
}
