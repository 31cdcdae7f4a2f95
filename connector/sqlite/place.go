package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// errMoved is a file that is no longer where it was opened. SQLite continues to write to it, and to report success.
var errMoved = errors.New("everything written to it now would be lost; stop all programs that use it, put it back together with " +
	"its -wal file or restore a copy, and start them again")

// place is where an open file has to stay: its path and those of its log and its shared memory.
type place struct {
	parts   []part // the file itself comes first
	checked atomic.Int64
}

type part struct {
	path string
	info fs.FileInfo
}

// checkEvery bounds how often all parts are looked at. The file itself is looked at after each commit besides, before anybody
// hears that it is durable: one call of the system beside the several that a commit takes.
const checkEvery = time.Second

// newPlace is to be called while the file is open: its log and its shared memory are there then, and stay until it is closed.
func newPlace(path string, info fs.FileInfo) *place {
	p := &place{parts: []part{{path, info}}}
	for _, suffix := range []string{"-wal", "-shm"} {
		if info, err := os.Stat(path + suffix); err == nil {
			p.parts = append(p.parts, part{path + suffix, info})
		}
	}
	return p
}

// durable returns an error where a commit has gone into a file that nobody will find.
func (p *place) durable() error {
	if err := p.parts[0].moved(); err != nil {
		return err
	}
	return p.checkParts()
}

// checkParts looks at all parts unless somebody has done so within checkEvery.
func (p *place) checkParts() error {
	now, last := time.Now().UnixNano(), p.checked.Load()
	if now-last < int64(checkEvery) && now >= last {
		return nil
	}
	if err := p.moved(); err != nil {
		return err
	}
	p.checked.Store(now)
	return nil
}

// moved looks at all parts.
func (p *place) moved() error {
	for i := range p.parts {
		if err := p.parts[i].moved(); err != nil {
			return err
		}
	}
	return nil
}

func (p *part) moved() error {
	info, err := os.Stat(p.path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%s was deleted or moved away while it was open: %w", p.path, errMoved)
	}
	if err == nil && !os.SameFile(p.info, info) {
		return fmt.Errorf("%s was replaced by another file while it was open: %w", p.path, errMoved)
	}
	return nil // where it is the same, and where that cannot be told
}

// explain puts what became of the file before what SQLite reports of it.
func (p *place) explain(err error) error {
	if codeOf(err) == 0 || errors.Is(err, errMoved) {
		return err
	}
	if moved := p.moved(); moved != nil {
		return fmt.Errorf("%w (%w)", moved, err)
	}
	return err
}
