// Package terminaltest is a terminal for tests: a screen that understands what a live line writes.
package terminaltest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Screen interprets the control characters that a live line needs, and remembers each state of its last line. It is safe for
// concurrent use.
type Screen struct {
	mu     sync.Mutex
	lines  []string // above the cursor's
	line   string   // the cursor's
	column int
	states []string // the cursor's line after each write
}

// Write shows text.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := p
	for len(rest) > 0 {
		switch {
		case bytes.HasPrefix(rest, []byte("\x1b[K")):
			s.line = string([]rune(s.line)[:s.column])
			rest = rest[3:]
			continue
		case rest[0] == '\r':
			s.column = 0
		case rest[0] == '\n':
			s.lines, s.line, s.column = append(s.lines, s.line), "", 0
		case rest[0] == '\x1b':
			s.lines = append(s.lines, fmt.Sprintf("an escape sequence that no live line needs: %q", rest))
		default:
			end := bytes.IndexAny(rest, "\r\n\x1b")
			if end < 0 {
				end = len(rest)
			}
			if s.column != len([]rune(s.line)) {
				s.lines = append(s.lines, fmt.Sprintf("%q is written over %q", rest[:end], s.line))
			}
			s.line += string(rest[:end])
			s.column = len([]rune(s.line))
			rest = rest[end:]
			continue
		}
		rest = rest[1:]
	}
	s.states = append(s.states, s.line)
	return len(p), nil
}

// Text is what the screen shows, the cursor's line last.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(append(slices.Clip(s.lines), s.line), "\n")
}

// Shown are the states of the last line, in order, without repetitions.
func (s *Screen) Shown() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, line := range s.states {
		if len(lines) == 0 || lines[len(lines)-1] != line {
			lines = append(lines, line)
		}
	}
	return lines
}
