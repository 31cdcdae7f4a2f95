package config

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// place is a spot in the configuration: where it is written, and what of it must not be shown. Places form a tree of
// what is written.
type place struct {
	path      string
	line, col int
	parent    *place
	children  map[string]*place

	// written is the scalar as it stands in the file, where it has references; nil otherwise.
	written     *yaml.Node
	secret      bool // the value came from a file, or from a variable into a key that holds secrets
	sensitivity sensitivity
	// broken is set for a place with a fault at it or below it: the value there is not what was meant.
	broken bool
}

// child adds the place of a key, or of an element as "[i]", which stands at n.
func (p *place) child(key string, n *yaml.Node) *place {
	c := p.blank(key)
	c.line, c.col = n.Line, n.Column
	if p.children == nil {
		p.children = map[string]*place{}
	}
	p.children[key] = c
	return c
}

// at returns the place of a key, written or not.
func (p *place) at(key string) *place {
	if c := p.children[key]; c != nil {
		return c
	}
	return p.blank(key)
}

func (p *place) blank(key string) *place {
	return &place{path: p.under(key), line: p.line, col: p.col, parent: p, sensitivity: p.sensitivity.below(key)}
}

// under returns the path of what is called relative, seen from p.
func (p *place) under(relative string) string {
	switch {
	case relative == "" || p.path == "":
		return p.path + relative
	case strings.HasPrefix(relative, "["):
		return p.path + relative
	default:
		return p.path + "." + relative
	}
}

// nearest follows a path such as "loop.paths[2]" as far as it is written; whole tells whether all of it is.
func (p *place) nearest(relative string) (found *place, whole bool) {
	if relative == "" {
		return p, true
	}
	for key := range strings.SplitSeq(strings.ReplaceAll(relative, "[", ".["), ".") {
		c := p.children[key]
		if c == nil {
			return p, false
		}
		p = c
	}
	return p, true
}

// breaks marks p and everything around it.
func (p *place) breaks() {
	for ; p != nil && !p.broken; p = p.parent {
		p.broken = true
	}
}
