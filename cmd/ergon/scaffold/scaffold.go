package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// Project describes a program that [Write] writes.
type Project struct {
	// Folder is where it goes: one that is empty, or not there yet.
	Folder string
	// Module is the path of its Go module. Default: the name of Folder.
	Module string
	// Clone is the folder of a clone of Ergon. Default: that around the working directory, or that around BuiltFrom. It
	// matters only where GoMod replaces modules, as it does in a clone; a release replaces none.
	Clone string
	// GoMod and GoSum are those of a module that needs all that the program does, from the folder cmd/ergon of a clone.
	GoMod, GoSum string
	// BuiltFrom is a folder of the source that this program was built from.
	BuiltFrom string
}

// Names of files in the template end with this, so that nobody takes them for files of Ergon.
const suffix = ".tmpl"

//go:embed all:template
var files embed.FS

// Write writes the program and returns its files, relative to its folder and sorted.
func Write(p Project) ([]string, error) {
	folder, err := filepath.Abs(p.Folder)
	if err != nil {
		return nil, fmt.Errorf("find the folder: %w", err)
	}
	if p.Module == "" {
		p.Module = filepath.Base(folder)
	}
	if problem := moduleProblem(p.Module); problem != "" {
		return nil, fmt.Errorf("the module path %q %s; set another with --module, such as --module example.com/hello", p.Module, problem)
	}
	mod, err := p.modules(folder)
	if err != nil {
		return nil, err
	}
	if err := makeEmpty(folder); err != nil {
		return nil, err
	}
	written := map[string]string{"go.mod": mod, "go.sum": p.GoSum}
	if err := render(p, written); err != nil {
		return nil, err
	}
	var names []string
	for name, text := range written {
		names = append(names, name)
		if err := write(filepath.Join(folder, filepath.FromSlash(name)), text); err != nil {
			return nil, fmt.Errorf("write the program: %w", err)
		}
	}
	slices.Sort(names)
	return names, nil
}

// makeEmpty makes a folder, or makes sure that there is nothing in it.
func makeEmpty(folder string) error {
	const cure = "choose another folder, or empty it"
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // it is a project like any other
			return fmt.Errorf("make the folder: %w", err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("look into the folder: %w; %s", err, cure)
	case len(entries) > 0:
		return fmt.Errorf("the folder %s is not empty: it has %s; %s", folder, entries[0].Name(), cure)
	default:
		return nil
	}
}

// render adds the files of the template.
func render(p Project, written map[string]string) error {
	values := map[string]any{"Module": p.Module, "Name": path.Base(p.Module), "Replaced": replaced(p.GoMod)}
	return fs.WalkDir(files, "template", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		source, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		parsed, err := template.New(name).Delims("[[", "]]").Option("missingkey=error").Parse(string(source))
		if err != nil {
			return fmt.Errorf("read the template: %w", err)
		}
		var text strings.Builder
		if err := parsed.Execute(&text, values); err != nil {
			return fmt.Errorf("fill in the template: %w", err)
		}
		written[target(name)] = text.String()
		return nil
	})
}

// target is what a file of the template is called in a program; dot_ stands for a leading dot.
func target(name string) string {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "template/"), suffix)
	folder, file := path.Split(name)
	if hidden, ok := strings.CutPrefix(file, "dot_"); ok {
		file = "." + hidden
	}
	return folder + file
}

func write(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	return os.WriteFile(name, []byte(text), 0o644) //nolint:gosec // as above
}
