package app_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// terminal is a screen that knows what a live line needs, and remembers every state it was in.
type terminal struct {
	mu     sync.Mutex
	lines  []string // above the cursor's
	line   string   // the cursor's
	column int
	states []string // the cursor's line after each write
}

func (s *terminal) Write(p []byte) (int, error) {
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

// screen is what is to be seen, the cursor's line last.
func (s *terminal) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(append(slices.Clip(s.lines), s.line), "\n")
}

// shown are the cursor's lines that there were, each once.
func (s *terminal) shown() []string {
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
