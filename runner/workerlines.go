package runner

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync"
)

// output writes what worker processes write, line by line.
type output struct {
	to io.Writer
	mu sync.Mutex
}

// line writes one as it is. There is nobody to tell where that fails.
func (o *output) line(text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = o.to.Write(text)
}

// named returns what writes lines that name their worker.
func (o *output) named(worker string) func([]byte) {
	return func(text []byte) { o.line(namedLine(text, worker)) }
}

// namedLine returns a line that names its worker. One that a logger has written gets an attribute where it has none yet,
// as text or JSON, so that whoever parses it still can; anything else is led by the name.
func namedLine(line []byte, worker string) []byte {
	asText := []byte("worker=" + worker)
	asJSON := fmt.Appendf(nil, `"worker":%s`, strconv.Quote(worker))
	body := bytes.TrimRight(line, "\r\n")
	switch {
	case bytes.Contains(line, asText), bytes.Contains(line, asJSON):
		return line
	case bytes.HasPrefix(body, []byte(`{"`)) && bytes.HasSuffix(body, []byte("}")):
		return fmt.Appendf(nil, "{%s,%s\n", asJSON, body[1:])
	case bytes.HasPrefix(body, []byte("time=")):
		return fmt.Appendf(nil, "%s %s\n", body, asText)
	default:
		return fmt.Appendf(nil, "%s: %s", worker, line)
	}
}
