package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
)

// document is a file with what is needed to read it. It can be read several times at once.
type document struct {
	config SourceConfig
	files  fs.FS
	name   string // in files
	path   string // for people
}

func newDocument(c SourceConfig, files fs.FS, name, shown string) document {
	return document{config: c, files: files, name: filepath.ToSlash(name), path: shown}
}

// begin opens the file and reads up to its first record.
func (d document) begin(ctx context.Context) (*pass, error) {
	f, info, err := d.open()
	if err != nil {
		return nil, err
	}
	p := &pass{document: d, file: f, info: info}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// open checks the kind first, because opening a named pipe would wait for its writer.
func (d document) open() (fs.File, fs.FileInfo, error) {
	info, err := fs.Stat(d.files, d.name)
	if err != nil {
		return nil, nil, d.explain(err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: is %s, must be a file; correct path", d.path, kindOf(info.Mode()))
	}
	f, err := d.files.Open(d.name)
	if err != nil {
		return nil, nil, d.explain(err)
	}
	if info, err = f.Stat(); err != nil { // of the one that is open: another may have been there before
		return nil, nil, errors.Join(d.explain(err), f.Close())
	}
	return f, info, nil
}

func (d document) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w; create it, or correct path or dir", d.path, because(err))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w; let the user that runs this read it", d.path, because(err))
	default:
		return fmt.Errorf("%s: %w", d.path, because(err))
	}
}

// gzipped reports whether the name says that the content is compressed.
func (d document) gzipped() bool { return path.Ext(d.name) == gzipEnding }
