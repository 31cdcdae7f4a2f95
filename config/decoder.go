package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	// maxNodes and maxDepth bound what aliases can expand to: far above any configuration, far below any harm.
	maxNodes = 100_000
	maxDepth = 100
)

// decoder walks over a parsed file and collects its faults. It continues after each of them.
type decoder struct {
	file   string
	env    Environment
	reg    *Registry
	faults Faults

	nodes   int
	spent   bool         // maxNodes was reached and has been reported
	inside  []*yaml.Node // what is being decoded, from the outside in
	secrets []string     // of the component that is being decoded
}

// faultf reports a problem of what stands at a place.
func (d *decoder) faultf(at *place, format string, args ...any) {
	at.breaks()
	d.report(at.line, at.col, at.path, fmt.Sprintf(format, args...))
}

// faultAtf reports a problem at n, which belongs to a place.
func (d *decoder) faultAtf(n *yaml.Node, at *place, format string, args ...any) {
	at.breaks()
	d.report(n.Line, n.Column, at.path, fmt.Sprintf(format, args...))
}

func (d *decoder) report(line, col int, path, problem string) {
	d.faults = append(d.faults, Fault{
		File: d.file, Line: max(line, 1), Col: max(col, 1), Path: path,
		Problem: strings.ReplaceAll(problem, "\n", "; "),
	})
}

// enter follows an alias. It refuses, once, what aliases have blown up; each call that returns true is followed by leave.
func (d *decoder) enter(n *yaml.Node, at *place) (*yaml.Node, bool) {
	d.nodes++
	switch {
	case d.nodes > maxNodes:
		if !d.spent {
			d.spent = true
			d.faultf(at, "is too large: with its aliases the file has more than %d values", maxNodes)
		}
		return nil, false
	case len(d.inside) >= maxDepth:
		d.faultf(at, "is nested too deep; a configuration has fewer than %d levels", maxDepth)
		return nil, false
	case n.Kind == yaml.AliasNode && slices.Contains(d.inside, n.Alias):
		d.faultAtf(n, at, "is an alias of a value around it; write the value")
		return nil, false
	}
	n = followed(n)
	d.inside = append(d.inside, n)
	return n, true
}

func (d *decoder) leave() { d.inside = d.inside[:len(d.inside)-1] }

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style&yaml.TaggedStyle == 0
}
