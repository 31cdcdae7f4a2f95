package app

import (
	"bufio"
	"context"
	"errors"
	"strings"
)

// errDeclined is what somebody who was asked did not want.
var errDeclined = errors.New("nothing was changed")

// confirm asks on a terminal whether to go on, and returns errDeclined for everything but a yes. Where nobody can be asked,
// what was written on the command line has to do.
func (p *printer) confirm(ctx context.Context, question string) error {
	if !p.process.Interactive() {
		return nil
	}
	p.messagef("%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // reading cannot be cut short
		line, _ := bufio.NewReader(p.process.Stdin).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case text := <-answer:
		if text == "y" || text == "yes" {
			return nil
		}
		return errDeclined
	case <-ctx.Done():
		p.messagef("\n")
		return context.Cause(ctx)
	}
}
