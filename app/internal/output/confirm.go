package output

import (
	"bufio"
	"context"
	"errors"
	"strings"
)

// ErrDeclined is what somebody who was asked did not want.
var ErrDeclined = errors.New("nothing was changed")

// Confirm asks on a terminal whether to go on, and returns errDeclined for everything but a yes. Where nobody can be asked,
// what was written on the command line has to do.
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
