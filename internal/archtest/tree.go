package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// Tree is every Go file below the root module's folder, nested modules included, parsed.
type Tree struct {
	// Module is the root module's path; the import path of any folder is Module and the folder.
	Module string
	Files  []File

	positions *token.FileSet
}

// File is one parsed Go file.
type File struct {
	// Path and Folder are slash-separated and relative to the root; the root folder itself is ".".
	Path, Folder string
	Syntax       *ast.File
	Lines        int
}

// IsTest tells whether only `go test` compiles the file.
func (f File) IsTest() bool { return strings.HasSuffix(f.Path, "_test.go") }

// IsGenerated tells whether a program wrote the file, by the comment that Go agreed on.
func (f File) IsGenerated() bool { return ast.IsGenerated(f.Syntax) }

// Load parses all Go files of a repository, whatever their build tags, and fails on the first that does not parse.
// Folders that the go command ignores (testdata, vendor, a leading dot or underscore) are left out.
func Load(root fs.FS) (*Tree, error) {
	module, err := modulePath(root)
	if err != nil {
		return nil, err
	}
	tree := &Tree{Module: module, positions: token.NewFileSet()}
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && isIgnored(entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return tree.add(root, name)
	})
	if err != nil {
		return nil, fmt.Errorf("parse the source tree: %w", err)
	}
	if len(tree.Files) == 0 {
		return nil, errors.New("no Go file found: the checks were given the wrong root folder")
	}
	return tree, nil
}

func (t *Tree) add(root fs.FS, name string) error {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(t.positions, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.Files = append(t.Files, File{
		Path:   name,
		Folder: path.Dir(name),
		Syntax: syntax,
		Lines:  t.positions.File(syntax.FileStart).LineCount(),
	})
	return nil
}

func modulePath(root fs.FS) (string, error) {
	gomod, err := fs.ReadFile(root, "go.mod")
	if err != nil {
		return "", fmt.Errorf("find the root module: %w", err)
	}
	for line := range strings.Lines(string(gomod)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", errors.New("find the root module: go.mod has no module line")
}

func isIgnored(folder string) bool {
	return folder == "testdata" || folder == "vendor" ||
		folder != "." && (strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_"))
}

// violation formats what is wrong at a position so that editors can jump to it.
func (t *Tree) violation(at token.Pos, format string, args ...any) string {
	position := t.positions.Position(at)
	return fmt.Sprintf("%s:%d: %s", position.Filename, position.Line, fmt.Sprintf(format, args...))
}
