package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// QueueFiles is a folder in which contestants keep their queues, each in a file of its own that is made again for every run.
// It is used by one goroutine.
type QueueFiles struct {
	folder string
	made   int
	open   []func() error // undone in reverse
}

// NewQueueFiles returns a folder that is empty. It must be on a disk like the one that is to be measured: what is durable
// waits for it.
func NewQueueFiles(folder string) *QueueFiles { return &QueueFiles{folder: folder} }

// Close closes what is open and deletes all files.
func (q *QueueFiles) Close() error {
	var errs []error
	for _, undo := range slices.Backward(q.open) {
		errs = append(errs, undo())
	}
	q.open = nil
	return errors.Join(errs...)
}

// opened is a file that is ready for a run.
type opened struct {
	run   func(ctx context.Context, items int) (int, error)
	close func() error
}

// contestant is one whose runs each find a file that open has made for as many items.
func (q *QueueFiles) contestant(name string, open func(ctx context.Context, path string, items int) (opened, error)) Contestant {
	var ready opened
	return Contestant{
		Name: name, Attempts: 1, Deadline: DeadlineNone,
		Ready: func(ctx context.Context, items int) (err error) {
			if err := q.Close(); err != nil {
				return err
			}
			path, err := q.file()
			if err == nil {
				ready, err = open(ctx, path, items)
			}
			if err == nil {
				q.open = append(q.open, ready.close)
			}
			return err
		},
		Run: func(ctx context.Context, items int, _ Work) (int, error) { return ready.run(ctx, items) },
	}
}

// file returns the path of a file that is still to be made, in a folder that is deleted by Close.
func (q *QueueFiles) file() (string, error) {
	q.made++
	folder := filepath.Join(q.folder, strconv.Itoa(q.made))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", fmt.Errorf("make room for a queue: %w", err)
	}
	q.open = append(q.open, func() error { return os.RemoveAll(folder) })
	return filepath.Join(folder, "queue.db"), nil
}
