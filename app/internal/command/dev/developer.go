package dev

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ergon-go/ergon/app/internal/text"
	"github.com/ergon-go/ergon/internal/humanize"
)

// developer runs a program, and a new one whenever something changes.
type developer struct {
	look  func() snapshot
	build func(context.Context) (program string, err error)
	start func(program string) (child, error)
	say   func(format string, args ...any)
}

// child is a program that runs. Of ended, and what stop returns, there is one: how it ended.
type child struct {
	ended <-chan string
	stop  func() string
}

// run goes on until ctx ends; the error is why. What runs then is stopped first.
func (d developer) run(ctx context.Context) error {
	var running child
	before := d.look()
	d.restart(ctx, &running)
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for changed := false; ; {
		select {
		case <-ctx.Done():
			if running.stop != nil {
				running.stop()
			}
			return context.Cause(ctx)
		case how := <-running.ended:
			running = child{}
			d.say("ended (%s); it runs again when something changes", how)
		case <-ticker.C:
			now := d.look()
			different := before.differences(now)
			if before = now; len(different) > 0 {
				if !changed {
					d.say("%s changed", text.List(different, "and"))
				}
				changed = true
				continue
			}
			if changed { // and has come to rest
				changed = false
				d.restart(ctx, &running)
			}
		}
	}
}

// restart puts a new program in the place of the one that runs, if it can be built.
func (d developer) restart(ctx context.Context, running *child) {
	program, err := d.build(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		d.say("it cannot be built:\n%s", strings.TrimSpace(err.Error()))
		if running.stop != nil {
			d.say("the one before goes on")
		}
		return
	}
	if running.stop != nil {
		running.stop()
	}
	*running = child{}
	next, err := d.start(program)
	if err != nil {
		d.say("%v", err)
		return
	}
	*running = next
}

// snapshot is what files were like at some moment, by path.
type snapshot map[string]fileState

type fileState struct {
	modified time.Time
	size     int64
}

// maxNamed is how many changed files are named.
const maxNamed = 3

// differences names what has changed, in order.
func (s snapshot) differences(now snapshot) []string {
	var names []string
	for name, state := range now {
		if s[name] != state {
			names = append(names, name)
		}
	}
	for name := range maps.Keys(s) {
		if _, still := now[name]; !still {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed], humanize.Plural(more, "more file"))
	}
	return names
}

// look takes a snapshot of what matters below root, and of the configuration where that is elsewhere.
func look(root, config string) snapshot {
	s := snapshot{}
	add := func(path string) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			s[path] = fileState{info.ModTime(), info.Size()}
		}
	}
	if config != "" {
		add(filepath.Clean(config))
	}
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // what cannot be read is not watched
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "vendor"):
			return fs.SkipDir
		case entry.IsDir() || !matters(entry.Name()):
		default:
			add(path)
		}
		return nil
	})
	return s
}

func matters(name string) bool {
	return name == "go.mod" || name == "go.sum" || slices.Contains([]string{".go", ".yaml", ".yml"}, filepath.Ext(name))
}
