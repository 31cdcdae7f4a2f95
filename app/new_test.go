package app_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/app"
)

func TestNewIsThereWhereTheProgramCanWriteOthers(t *testing.T) {
	in(t, "")
	if got := (call{args: []string{"new", "hello"}}).do(t); got.code != 2 || !strings.Contains(got.stderr, `unknown command "new"`) {
		t.Errorf("code %d, stderr %s; want 2 and no such command", got.code, got.stderr)
	}
	var asked app.Project
	settings := app.Settings{NewProject: func(p app.Project) ([]string, error) {
		asked = p
		return []string{"go.mod", "main.go"}, nil
	}}
	got := call{settings: settings, args: strings.Fields("new there/hello --module example.com/hello --ergon ../ergon")}.do(t)
	if want := "there/hello/go.mod\nthere/hello/main.go\n\nTo run it: cd there/hello && make run\n"; got.stdout != want || got.code != 0 {
		t.Errorf("code %d, got %s%s, want %s", got.code, got.stdout, got.stderr, want)
	}
	if diff := cmp.Diff(app.Project{Folder: "there/hello", Module: "example.com/hello", Ergon: "../ergon"}, asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	got = call{settings: settings, args: strings.Fields("new hello --output json")}.do(t)
	if want := "{\n  \"files\": [\n    \"go.mod\",\n    \"main.go\"\n  ],\n  \"folder\": \"hello\"\n}\n"; got.stdout != want {
		t.Errorf("got %s, want %s", got.stdout, want)
	}
}

func TestNewThatCannotBeIsTheUsersToCorrect(t *testing.T) {
	in(t, "")
	settings := app.Settings{NewProject: func(app.Project) ([]string, error) { return nil, errors.New("the folder is not empty") }}
	for args, want := range map[string]string{
		"new hello": "reckon: the folder is not empty\n",
		"new":       "reckon: the folder is missing\nSee reckon new --help\n",
	} {
		if got := (call{settings: settings, args: strings.Fields(args)}).do(t); got.code != 2 || got.stderr != want {
			t.Errorf("%s: code %d, stderr %s; want 2 and %s", args, got.code, got.stderr, want)
		}
	}
}
