package records

import (
	"bytes"
	"strings"
)

type arrayState uint8

const (
	arrayFirst   arrayState = iota // behind the opening bracket
	arrayNext                      // behind a comma
	arrayElement                   // in an element, outside of its strings
	arrayScalar                    // in an element that is a number or a literal, or should be
	arrayString                    // in a string
	arrayEscape                    // behind a backslash in a string
	arrayBehind                    // behind an element
	arrayEnd                       // behind the closing bracket
	arrayInvalid                   // the rest cannot be read
)

// maxNested is the maximum depth that encoding/json reads.
const maxNested = 10_000

// arraySplitter splits a JSON array into its elements by their brackets and quotes. It ignores what is wrong inside an element,
// unless nobody can tell then where the element ends. It finds each element of a valid array once.
type arraySplitter struct {
	state   arrayState
	closers []byte // the closing brackets that must follow, the innermost last
	found   fault
}

func (a *arraySplitter) scan(data []byte, last bool) (int, verdict) {
	n, v := a.step(data)
	if v != incomplete || !last {
		return n, v
	}
	return n, a.atEnd()
}

func (a *arraySplitter) step(data []byte) (int, verdict) {
	switch a.state {
	case arrayElement, arrayScalar, arrayString, arrayEscape:
		return a.element(data)
	case arrayInvalid:
		return 0, ended
	default:
	}
	if space := len(data) - len(bytes.TrimLeft(data, jsonSpace)); space > 0 {
		return space, separator
	}
	if len(data) == 0 {
		return 0, incomplete
	}
	return a.outside(data)
}

// outside takes the first byte of an element, or one between two elements.
func (a *arraySplitter) outside(data []byte) (int, verdict) {
	b := data[0]
	switch {
	case a.state == arrayEnd:
		return a.breakOff(1, "there is something after the end of the array; a file holds one array")
	case b == ']' && a.state == arrayNext:
		a.state, a.found.problem = arrayBehind, "has no element between a comma and the end of the array; remove the comma"
		return 0, complete
	case b == ']':
		a.state = arrayEnd
		return 1, separator
	case b == ',' && a.state == arrayBehind:
		a.state = arrayNext
		return 1, separator
	case b == ',':
		a.state, a.found.problem = arrayBehind, "has no element before a comma; remove the comma"
		return 0, complete
	case a.state == arrayBehind:
		a.found.problem = "has no comma between the element before and this one; add one"
	}
	a.state = arrayElement
	return a.element(data)
}

func (a *arraySplitter) element(data []byte) (int, verdict) {
	for at := 0; at < len(data); at++ {
		b := data[at]
		switch a.state {
		case arrayString:
			at += plainText(data[at:])
			if at == len(data) {
				return at, incomplete
			}
			if ends := a.inString(data[at]); ends {
				return at + 1, complete
			}
		case arrayEscape:
			a.state = arrayString
		case arrayScalar:
			if strings.IndexByte(" \t\r\n,]}", b) >= 0 {
				a.state = arrayBehind
				return at, complete
			}
		default:
			if ends := a.outsideString(b); ends {
				return at + 1, complete
			}
		}
		if a.state == arrayInvalid {
			return at + 1, complete
		}
	}
	return len(data), incomplete
}

// plainText returns the number of bytes until one in a string that the splitter must look at.
func plainText(data []byte) int {
	for i, b := range data {
		if b == '"' || b == '\\' || b < ' ' {
			return i
		}
	}
	return len(data)
}

func (a *arraySplitter) inString(b byte) (ends bool) {
	switch {
	case b == '\\':
		a.state = arrayEscape
	case b == '"' && len(a.closers) == 0:
		a.state = arrayBehind
		return true
	case b == '"':
		a.state = arrayElement
	default:
		a.invalid("has a line end or another control character in a string, so the end of the string is unknown")
	}
	return false
}

func (a *arraySplitter) outsideString(b byte) (ends bool) {
	switch b {
	case '"':
		a.state = arrayString
	case '{':
		a.nest('}')
	case '[':
		a.nest(']')
	case '}', ']':
		return a.closed(b)
	default:
		if len(a.closers) == 0 {
			a.state = arrayScalar
		}
	}
	return false
}

func (a *arraySplitter) nest(closer byte) {
	if len(a.closers) == maxNested {
		a.invalid("is nested deeper than 10000 brackets")
		return
	}
	a.closers = append(a.closers, closer)
}

func (a *arraySplitter) closed(b byte) (ends bool) {
	depth := len(a.closers)
	if depth == 0 || a.closers[depth-1] != b {
		a.invalid("has a closing bracket that does not match the opening one")
		return false
	}
	a.closers = a.closers[:depth-1]
	if depth > 1 {
		return false
	}
	a.state = arrayBehind
	return true
}

func (a *arraySplitter) invalid(problem string) {
	a.state, a.found = arrayInvalid, fault{problem: problem, fatal: true}
}

func (a *arraySplitter) breakOff(n int, problem string) (int, verdict) {
	a.invalid(problem)
	return n, complete
}

// atEnd is the verdict at the end of the file.
func (a *arraySplitter) atEnd() verdict {
	switch a.state {
	case arrayEnd, arrayInvalid:
		return ended
	case arrayFirst, arrayNext, arrayBehind:
		a.invalid("the file ends before its array does; is it complete?")
		return ended
	default:
		a.invalid("is cut short by the end of the file; is it complete?")
		return complete
	}
}

func (a *arraySplitter) fault() fault {
	f := a.found
	a.found = fault{}
	return f
}

func (*arraySplitter) blank([]byte) bool { return false }
