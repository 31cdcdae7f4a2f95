package app

import "io"

// colors are escape sequences of terminals, or nothing.
type colors struct{ on bool }

// colorsFor are on where w is a terminal that nobody asked to stay plain (https://no-color.org).
func (p *program) colorsFor(w io.Writer) colors {
	noColor, _ := p.process.LookupEnv("NO_COLOR")
	_, terminal := p.terminal(w)
	return colors{on: terminal && noColor == "" && !p.options.noColor}
}

// terminal returns the width of w where it is a terminal that understands escape sequences.
func (p *program) terminal(w io.Writer) (int, bool) {
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
