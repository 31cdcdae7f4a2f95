package app

import "io"

// colors writes escape sequences of terminals, or nothing if it is off.
type colors struct{ on bool }

// colors is on if standard output is a terminal and the user did not turn colors off (https://no-color.org).
func (p *printer) colors() colors {
	noColor, _ := p.process.LookupEnv("NO_COLOR")
	_, terminal := p.terminal(p.process.Stdout)
	return colors{on: terminal && noColor == "" && !p.noColor}
}

// terminal returns the width of w if it is a terminal that understands escape sequences.
func (p *printer) terminal(w io.Writer) (columns int, ok bool) {
	if kind, _ := p.process.LookupEnv("TERM"); kind == "dumb" {
		return 0, false
	}
	return p.process.Columns(w)
}

func (c colors) bold(text string) string   { return c.sequence("1", text) }
func (c colors) red(text string) string    { return c.sequence("31", text) }
func (c colors) yellow(text string) string { return c.sequence("33", text) }

func (c colors) sequence(code, text string) string {
	if !c.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
