package command

import (
	"bytes"
	"context"
	"strings"
	"unicode"
)

// head keeps what is written to it up to a limit, and calls full when there is more.
type head struct {
	data  []byte
	limit int
	full  func()
}

func (h *head) Write(p []byte) (int, error) {
	free := h.limit - len(h.data)
	h.data = append(h.data, p[:min(free, len(p))]...)
	if len(p) > free {
		h.full()
		return len(p), errTooMuch
	}
	return len(p), nil
}

// tail keeps the end of what is written to it, and hands the first limit bytes of it on by lines, where line is set.
type tail struct {
	data    []byte
	limit   int
	dropped bool
	payload []byte // what is not to be shown
	line    func(string)
	logged  int
	rest    []byte // of a line whose end has not come
}

// stderr is what a run's standard error goes to.
func (c *Command) stderr(ctx context.Context, payload []byte) *tail {
	t := &tail{payload: bytes.TrimSpace(payload)}
	switch c.config.Stderr {
	case StderrError:
		t.limit = c.config.MaxStderrBytes
	case StderrLog:
		left := c.config.MaxStderrBytes
		t.line = func(text string) {
			if left -= len(text) + 1; left >= 0 {
				c.logger.InfoContext(ctx, "program says", "text", text)
			}
		}
		t.logged = c.config.MaxStderrBytes
	case StderrDiscard:
	}
	return t
}

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if over := len(t.data) - t.limit; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
		t.dropped = true
	}
	if t.line != nil {
		t.lines(p)
	}
	return len(p), nil
}

// lines hands on whole lines; what is longer than may be logged at all is cut.
func (t *tail) lines(p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		part := p
		if end >= 0 {
			part = p[:end]
		}
		t.rest = append(t.rest, part[:min(len(part), max(t.logged-len(t.rest), 0))]...)
		if end < 0 {
			return
		}
		t.flush()
		p = p[end+1:]
	}
}

func (t *tail) flush() {
	if text := t.shown(t.rest); text != "" {
		t.line(text)
	}
	t.rest = t.rest[:0]
}

// close hands on a last line that has no end.
func (t *tail) close() {
	if t.line != nil {
		t.flush()
	}
}

// said is what an error says of it.
func (t *tail) said() string {
	text := t.shown(t.data)
	switch {
	case text == "":
		return ""
	case t.dropped:
		return ": … " + text
	default:
		return ": " + text
	}
}

// minPayload is how long a payload is that is looked for in what a program says: shorter ones are in everything.
const minPayload = 8

// shown is what was printed as one line, without control characters, and without the payload where it was repeated.
func (t *tail) shown(printed []byte) string {
	if len(t.payload) >= minPayload {
		printed = bytes.ReplaceAll(printed, t.payload, []byte("[payload]"))
	}
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(string(printed), "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}
