package reexec

import (
	"encoding/json"
	"io"
	"sync"
)

// link carries messages both ways. Its methods are safe for concurrent use, but one goroutine receives.
type link struct {
	in  *json.Decoder
	out io.Writer
	mu  *sync.Mutex // held while a message is written
}

func newLink(in io.Reader, out io.Writer) link {
	return link{in: json.NewDecoder(in), out: out, mu: new(sync.Mutex)}
}

// Send writes a message. It waits where the other side does not read, and fails where that has ended.
func (l link) Send(message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.out.Write(append(text, '\n'))
	return err
}

// Receive reads the next message; io.EOF, or another error where it was cut off, when the other side has ended.
func (l link) Receive(message any) error { return l.in.Decode(message) }
