package file

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
	arrayBroken                    // behind what makes the rest unreadable
)

// maxNested is how deep encoding/json goes into a value.
const maxNested = 10_000

// arraySplitter splits a JSON array into its elements by their brackets and quotes. What is wrong inside of them is not
// its business, unless it makes it impossible to tell where they end.
type arraySplitter struct {
	state   arrayState
	closers []byte // the brackets that are awaited, the innermost last
	problem fault
}

func (a *arraySplitter) scan(data []byte, last bool) (int, verdict) {
	n, v := a.splitUp(data)
	if v != goesOn || !last {
		return n, v
	}
	return n, a.atEnd()
}

func (a *arraySplitter) splitUp(data []byte) (int, verdict) {
	switch a.state {
	case arrayElement, arrayScalar, arrayString, arrayEscape:
		return a.element(data)
	case arrayBroken:
		return 0, over
	default:
	}
	if space := len(data) - len(bytes.TrimLeft(data, jsonSpace)); space > 0 {
		return space, between
	}
	if len(data) == 0 {
		return 0, goesOn
	}
	return a.outside(data)
}

// outside deals with the first byte of an element, or between two of them.
func (a *arraySplitter) outside(data []byte) (int, verdict) {
	b := data[0]
	switch {
	case a.state == arrayEnd:
		return a.breakOff(1, "there is something after the end of the array; a file holds one array")
	case b == ']' && a.state == arrayNext:
		a.state, a.problem.problem = arrayBehind, "has no element between a comma and the end of the array; take the comma away"
		return 0, whole
	case b == ']':
		a.state = arrayEnd
		return 1, between
	case b == ',' && a.state == arrayBehind:
		a.state = arrayNext
		return 1, between
	case b == ',':
		a.state, a.problem.problem = arrayBehind, "has no element before a comma; take the comma away"
		return 0, whole
	case a.state == arrayBehind:
		a.problem.problem = "has no comma between the element before and this one; put one there"
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
				return at, goesOn
			}
			if ended := a.inString(data[at]); ended {
				return at + 1, whole
			}
		case arrayEscape:
			a.state = arrayString
		case arrayScalar:
			if strings.IndexByte(" \t\r\n,]}", b) >= 0 {
				a.state = arrayBehind
				return at, whole
			}
		default:
			if ended := a.outsideString(b); ended {
				return at + 1, whole
			}
		}
		if a.state == arrayBroken {
			return at + 1, whole
		}
	}
	return len(data), goesOn
}

// plainText returns how much of a string's inside means nothing to the splitter.
func plainText(data []byte) int {
	for i, b := range data {
		if b == '"' || b == '\\' || b < ' ' {
			return i
		}
	}
	return len(data)
}

func (a *arraySplitter) inString(b byte) (ended bool) {
	switch {
	case b == '\\':
		a.state = arrayEscape
	case b == '"' && len(a.closers) == 0:
		a.state = arrayBehind
		return true
	case b == '"':
		a.state = arrayElement
	default:
		a.spoil("has a line end or another control character in a string, so where that ends cannot be told")
	}
	return false
}

func (a *arraySplitter) outsideString(b byte) (ended bool) {
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
		a.spoil("is nested deeper than 10000 brackets")
		return
	}
	a.closers = append(a.closers, closer)
}

func (a *arraySplitter) closed(b byte) (ended bool) {
	depth := len(a.closers)
	if depth == 0 || a.closers[depth-1] != b {
		a.spoil("has a closing bracket that does not match the opening one")
		return false
	}
	a.closers = a.closers[:depth-1]
	if depth > 1 {
		return false
	}
	a.state = arrayBehind
	return true
}

func (a *arraySplitter) spoil(problem string) {
	a.state, a.problem = arrayBroken, fault{problem: problem, fatal: true}
}

func (a *arraySplitter) breakOff(n int, problem string) (int, verdict) {
	a.spoil(problem)
	return n, whole
}

// atEnd is the verdict where the file ends.
func (a *arraySplitter) atEnd() verdict {
	switch a.state {
	case arrayEnd, arrayBroken:
		return over
	case arrayFirst, arrayNext, arrayBehind:
		a.spoil("the file ends before its array does; is it complete?")
		return over
	default:
		a.spoil("is cut short by the end of the file; is it complete?")
		return whole
	}
}

func (a *arraySplitter) fault() fault {
	f := a.problem
	a.problem = fault{}
	return f
}

func (*arraySplitter) blank([]byte) bool { return false }
