package file

import (
	"bytes"
	"strconv"
)

// fault is what is wrong with a record. After a fatal one nobody can tell where the next begins.
type fault struct {
	problem string
	fatal   bool
}

// record is what lies between two ends of records.
type record struct {
	line    int64
	nth     int32  // of those that begin on that line, from 1
	content []byte // without its line end; valid until the next one is read
	problem string // why it is malformed
	cut     bool   // content is its beginning only
	end     position
}

// payload is what a record is delivered as.
func (p *pass) payload(r *record) any {
	problem := r.problem
	if problem == "" {
		var payload []byte
		if payload, problem = p.decode(r.content); problem == "" {
			return payload
		}
	}
	place := p.path + ":" + strconv.FormatInt(r.line, 10)
	m := Malformed{Place: place, Problem: problem, Raw: excerpt(r.content), cut: r.cut}
	if !r.cut && len(r.content) > len(m.Raw) {
		m.whole = bytes.Clone(r.content)
		m.Raw = m.whole[:len(m.Raw):len(m.Raw)]
	}
	return m
}
