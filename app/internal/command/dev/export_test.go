package dev

import (
	"context"
	"time"
)

// Snapshot is what files were like at some moment.
type Snapshot = snapshot

// Differences names what has changed.
func (s snapshot) Differences(now Snapshot) []string { return s.differences(now) }

// FileStateAt is a file that was changed then.
func FileStateAt(t time.Time) fileState { return fileState{modified: t} }

// Look takes a snapshot.
var Look = look

// Developer runs a program, and a new one whenever something changes.
type Developer = developer

// NewDeveloper makes one of its parts.
func NewDeveloper(
	look func() Snapshot, build func(context.Context) (string, error),
	start func(string) (<-chan string, func() string, error), say func(string, ...any),
) Developer {
	return developer{look, build, func(program string) (child, error) {
		ended, stop, err := start(program)
		return child{ended, stop}, err
	}, say}
}

// Run continues until ctx ends.
func (d developer) Run(ctx context.Context) error { return d.run(ctx) }

// FreeAddress is where dev serves the console.
var FreeAddress = freeAddress

// FlagsOf are the flags that dev hands on.
var FlagsOf = flagsOf
