package reexec

import (
	"encoding/json"
	"io"
	"sync"
)

// link sends and receives messages. Its methods are safe for concurrent use, but only one goroutine may receive.
type link struct {
	in  *json.Decoder
	out io.Writer
	mu  *sync.Mutex // held while a message is written
}

func newLink(in io.Reader, out io.Writer) link {
	return link{in: json.NewDecoder(in), out: out, mu: new(sync.Mutex)}
}

// Send writes a message. It blocks while the other side does not read and the pipe is full. It fails if the other side has ended.
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

// Receive reads the next message. When the other side has ended it returns io.EOF, or another error after an incomplete message.
func (l link) Receive(message any) error { return l.in.Decode(message) }
