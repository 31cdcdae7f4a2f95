package output

import "io"

// Colors writes escape sequences of terminals, or nothing if it is off.
type Colors struct{ On bool }

// Colors is on if standard output is a terminal and the user did not turn colors off (https://no-color.org).
func (p *Printer) Colors() Colors {
	noColor, _ := p.Process.LookupEnv("NO_COLOR")
	_, terminal := p.Terminal(p.Process.Stdout)
	return Colors{On: terminal && noColor == "" && !p.NoColor}
}

// Terminal returns the width of w if it is a terminal that understands escape sequences.
func (p *Printer) Terminal(w io.Writer) (columns int, ok bool) {
	if kind, _ := p.Process.LookupEnv("TERM"); kind == "dumb" {
		return 0, false
	}
	return p.Process.Columns(w)
}

// Bold writes text in bold.
func (c Colors) Bold(text string) string { return c.sequence("1", text) }

// Red writes text in red.
func (c Colors) Red(text string) string { return c.sequence("31", text) }

// Yellow writes text in yellow.
func (c Colors) Yellow(text string) string { return c.sequence("33", text) }

func (c Colors) sequence(code, text string) string {
	if !c.On {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
