package file

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// storage is what a journal needs of a file.
type storage interface {
	io.WriterAt
	Sync() error
	Truncate(size int64) error
}

// journal appends to a file. Up to durable, the file has only what was reported as written.
type journal struct {
	file    storage
	durable int64
	torn    bool // there may be something behind durable
}

// append writes data and waits until the disk has it. After an error nothing of data is there.
func (j *journal) append(data []byte) error {
	if err := j.cut(); err != nil {
		return err
	}
	j.torn = true
	if err := j.write(data); err != nil {
		return errors.Join(err, j.cut())
	}
	j.torn = false
	j.durable += int64(len(data))
	return nil
}

func (j *journal) write(data []byte) error {
	if _, err := j.file.WriteAt(data, j.durable); err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("%w; free some space, then writing continues", because(err))
		}
		return because(err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync: %w", because(err))
	}
	return nil
}

// cut removes what a failed write has left.
func (j *journal) cut() error {
	if !j.torn {
		return nil
	}
	if err := j.file.Truncate(j.durable); err != nil {
		return fmt.Errorf("cut off a torn line: %w", because(err))
	}
	j.torn = false
	return nil
}
