package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// parse returns the document of a file, nil where it is empty. Its scalars and structure are not looked at yet.
func parse(file string, data []byte) (*yaml.Node, *Fault) {
	if fault := unreadable(file, data); fault != nil {
		return nil, fault
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, &Fault{File: file, Line: 1, Col: 1, Problem: "set up the YAML parser: " + err.Error()}
	}
	var document, second yaml.Node
	switch err := loader.Load(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, notYAML(file, data, err)
	}
	switch err := loader.Load(&second); {
	case err == nil:
		return nil, &Fault{
			File: file, Line: second.Line, Col: second.Column,
			Problem: "starts a second document; a configuration is one document: put all tasks below one tasks key",
		}
	case !errors.Is(err, io.EOF):
		return nil, notYAML(file, data, err)
	}
	return document.Content[0], nil
}

// unreadable finds the first character that no YAML file has.
func unreadable(file string, data []byte) *Fault {
	line, col := 1, 1
	for rest := data; len(rest) > 0; col++ {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return &Fault{File: file, Line: line, Col: col, Problem: "is not UTF-8; save the file in that encoding"}
		case r == '\n':
			line, col = line+1, 0
		case unicode.IsControl(r) && !strings.ContainsRune("\t\r\u0085", r):
			return &Fault{File: file, Line: line, Col: col, Problem: fmt.Sprintf("has the control character %U; remove it", r)}
		}
		rest = rest[size:]
	}
	return nil
}

// notYAML makes a fault of what the parser says.
func notYAML(file string, data []byte, err error) *Fault {
	fault := &Fault{File: file, Line: 1, Col: 1, Problem: "is not YAML: " + err.Error()}
	var located *yaml.LoadError
	if !errors.As(err, &located) {
		return fault
	}
	fault.Problem = "is not YAML: " + located.Message
	if located.ContextMsg != "" {
		fault.Problem += " " + located.ContextMsg
		if located.ContextMark.Line > 0 && located.ContextMark != located.Mark {
			fault.Problem += fmt.Sprintf(" that starts at %d:%d", located.ContextMark.Line, located.ContextMark.Column)
		}
	}
	if located.Mark.Line > 0 {
		fault.Line, fault.Col = located.Mark.Line, max(located.Mark.Column, 1)
	}
	line := lineOf(data, fault.Line)
	indentation := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch {
	case strings.Contains(indentation, "\t"):
		fault.Problem = "is indented with a tab; use spaces"
	case strings.Contains(line, "${"):
		fault.Problem += "; put a value with ${…} in quotes inside {…} or […]"
	}
	return fault
}

// lineOf returns a line, counted from 1, or "".
func lineOf(data []byte, line int) string {
	lines := strings.SplitAfterN(string(data), "\n", line+1)
	if line > len(lines) {
		return ""
	}
	return lines[line-1]
}
