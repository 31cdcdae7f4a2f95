package output

import (
	"bufio"
	"context"
	"errors"
	"strings"
)

// ErrDeclined is the error after a question that was not answered with yes.
var ErrDeclined = errors.New("nothing was changed")

// Confirm asks on a terminal whether to continue, and returns ErrDeclined for every answer except yes. Without a terminal it does not
// ask.
func (p *Printer) Confirm(ctx context.Context, question string) error {
	if !p.Process.Interactive() {
		return nil
	}
	p.Messagef("%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // reading cannot be cut short
		line, _ := bufio.NewReader(p.Process.Stdin).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case text := <-answer:
		if text == "y" || text == "yes" {
			return nil
		}
		return ErrDeclined
	case <-ctx.Done():
		p.Messagef("\n")
		return context.Cause(ctx)
	}
}
