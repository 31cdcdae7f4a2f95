package config

import "strings"

// part is a piece of a scalar: plain text, or a reference, which is what stands between ${ and }.
type part struct {
	text      string
	reference bool
}

// split takes a scalar apart. complete is false where a ${ has no }.
func split(scalar string) (parts []part, complete bool) {
	var text strings.Builder
	for scalar != "" {
		switch {
		case strings.HasPrefix(scalar, "$${"):
			text.WriteString("${")
			scalar = scalar[len("$${"):]
		case strings.HasPrefix(scalar, "${"):
			inside, rest, closed := strings.Cut(scalar[len("${"):], "}")
			if !closed {
				return nil, false
			}
			if text.Len() > 0 {
				parts = append(parts, part{text: text.String()})
				text.Reset()
			}
			parts = append(parts, part{text: inside, reference: true})
			scalar = rest
		default:
			next := 1 + strings.IndexByte(scalar[1:], '$')
			if next == 0 {
				next = len(scalar)
			}
			text.WriteString(scalar[:next])
			scalar = scalar[next:]
		}
	}
	if text.Len() > 0 {
		parts = append(parts, part{text: text.String()})
	}
	return parts, true
}

// escape is the scalar that split takes apart into text.
func escape(text string) string { return strings.ReplaceAll(text, "${", "$${") }

func onlyReferences(scalar string) bool {
	parts, complete := split(scalar)
	for _, p := range parts {
		complete = complete && p.reference
	}
	return complete
}

// withoutDefaults is a scalar whose references do not tell their defaults.
func withoutDefaults(scalar string) string {
	var b strings.Builder
	parts, _ := split(scalar)
	for _, p := range parts {
		name, text, found := strings.Cut(p.text, ":-")
		switch {
		case !p.reference:
			b.WriteString(escape(p.text))
		case found && text != "":
			b.WriteString("${" + name + ":-" + redacted + "}")
		default:
			b.WriteString("${" + p.text + "}")
		}
	}
	return b.String()
}
