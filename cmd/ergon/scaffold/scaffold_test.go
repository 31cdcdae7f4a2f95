package scaffold_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/cmd/ergon/scaffold"
)

const (
	ofClone = "module github.com/ergon-go/ergon/cmd/ergon\n\ngo 1.26.0\n\nrequire github.com/ergon-go/ergon v0.0.0\n\n" +
		"replace github.com/ergon-go/ergon => ../../\n"
	ofRelease = "module github.com/ergon-go/ergon/cmd/ergon\n\ngo 1.26.0\n\nrequire github.com/ergon-go/ergon v1.2.3\n"
)

// clone makes a folder that looks like one.
func clone(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "a clone")
	if err := os.MkdirAll(filepath.Join(root, "cmd", "ergon"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "go.mod"), "module github.com/ergon-go/ergon\n")
	return root
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestProgramOfAReleaseNeedsThatRelease(t *testing.T) {
	t.Chdir(t.TempDir())
	names, err := scaffold.Write(scaffold.Project{Folder: "hello", Module: "example.com/greet", GoMod: ofRelease, GoSum: "sums\n"})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(ofRelease, "github.com/ergon-go/ergon/cmd/ergon", "example.com/greet", 1)
	if got := read(t, "hello/go.mod"); got != want {
		t.Errorf("go.mod is\n%s\nwant\n%s", got, want)
	}
	if got := read(t, "hello/go.sum"); got != "sums\n" {
		t.Errorf("go.sum is %q", got)
	}
	if strings.Contains(read(t, "hello/README.md"), "dropreplace") {
		t.Error("README.md speaks of a clone")
	}
	slices.Sort(names)
	if !slices.Equal(names, filesBelow(t, "hello")) {
		t.Errorf("it says that it wrote %v, but there are %v", names, filesBelow(t, "hello"))
	}
	if got := read(t, "hello/Makefile"); !strings.Contains(got, "go build -o bin/greet .") || strings.Contains(got, "[[") {
		t.Errorf("Makefile is not filled in:\n%s", got)
	}
}

func filesBelow(t *testing.T, folder string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestProgramOfACloneNamesItsFolders(t *testing.T) {
	root := clone(t)
	for name, c := range map[string]struct {
		project scaffold.Project
		working string
	}{
		"that is named":                    {scaffold.Project{Clone: root}, t.TempDir()},
		"around the working directory":     {scaffold.Project{}, filepath.Join(root, "cmd")},
		"that the program was built from":  {scaffold.Project{BuiltFrom: filepath.Join(root, "cmd", "ergon")}, t.TempDir()},
		"but for a source that moved away": {scaffold.Project{BuiltFrom: "/no/such/folder"}, root},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(c.working)
			c.project.Folder, c.project.GoMod = filepath.Join(t.TempDir(), "hello"), ofClone
			if _, err := scaffold.Write(c.project); err != nil {
				t.Fatal(err)
			}
			want := "replace github.com/ergon-go/ergon => \"" + root + "\"\n"
			got := read(t, filepath.Join(c.project.Folder, "go.mod"))
			if !strings.HasPrefix(got, "module hello\n") || !strings.HasSuffix(got, want) {
				t.Errorf("go.mod is\n%s\nwant a module hello and\n%s", got, want)
			}
		})
	}
}

func TestWhatCannotBeWrittenIsRefusedBeforeAnythingIs(t *testing.T) {
	root := clone(t)
	working := t.TempDir()
	t.Chdir(working)
	if err := os.Mkdir("full", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, "full/notes.txt", "")
	write(t, "file", "")
	for name, c := range map[string]struct {
		project scaffold.Project
		want    string
	}{
		"folder that is not empty": {
			scaffold.Project{Folder: "full"},
			"the folder " + filepath.Join(working, "full") + " is not empty: it has notes.txt; choose another folder, or empty it",
		},
		"file": {scaffold.Project{Folder: "file"}, "not a directory; choose another folder, or empty it"},
		"folder of a clone": {
			scaffold.Project{Folder: filepath.Join(root, "hello"), Clone: root, GoMod: ofClone}, "choose one outside of " + root,
		},
		"no clone at all": {
			scaffold.Project{Folder: "new", GoMod: ofClone},
			"and there is no clone around " + working + "; say where one is with --ergon",
		},
		"what is no clone": {
			scaffold.Project{Folder: "new", GoMod: ofClone, Clone: "full"},
			"--ergon: full is not a clone of Ergon: it has no go.mod of the module github.com/ergon-go/ergon",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.project.GoMod == "" {
				c.project.GoMod = ofRelease
			}
			if _, err := scaffold.Write(c.project); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if got := filesBelow(t, working); !slices.Equal(got, []string{"file", "full/notes.txt"}) {
		t.Errorf("there are now %v", got)
	}
}

func TestModulePathIsOneThatGoTakes(t *testing.T) {
	t.Chdir(t.TempDir())
	for module, want := range map[string]string{
		"hello": "", "example.com/a/b-c_d~e.f": "", "v2": "", "example.com/UPPER": "",
		"std": "is one of Go's own", "cmd/x": "is one of Go's own", "-x": "begins with a hyphen",
		"a b": "must consist of", "a//b": "must consist of", "/a": "must consist of", "a/": "must consist of",
		".a": "must consist of", "a.": "must consist of", "a/..": "must consist of", "ä": "must consist of", "a\nb": "must consist of",
	} {
		_, err := scaffold.Write(scaffold.Project{Folder: t.TempDir(), Module: module, GoMod: ofRelease})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", module, err, want)
		}
	}
	if _, err := scaffold.Write(scaffold.Project{Folder: "a name", GoMod: ofRelease}); err == nil ||
		!strings.HasSuffix(err.Error(), "set another with --module, such as --module example.com/hello") {
		t.Errorf("got %v, want a word about --module", err)
	}
}
