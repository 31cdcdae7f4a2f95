package file

import (
	"bytes"
	"fmt"
	"strconv"
)

// fault is what is wrong with a record. After a fatal one nobody can tell where the next begins.
type fault struct {
	problem string
	fatal   bool
	// spans is set where a quoted field goes on over line ends, and maybe only for a stray quote: it begins below lines after the
	// record's first.
	spans bool
	below int64
}

// locate names the line of a quote that may be stray, and returns where the fault is. What a stray quote has taken into its field
// is at most one record that is kept whole; where it is more, nothing after it is done.
func (f *fault) locate(line int64, long bool) int64 {
	if !f.spans {
		return line
	}
	line += f.below
	f.problem = fmt.Sprintf("the quote that begins a field on line %d takes the lines after it into the field: %s", line, f.problem)
	f.fatal = f.fatal || long
	return line
}

// record is what lies between two ends of records.
type record struct {
	line    int64
	nth     int32  // of those that begin on that line, from 1
	content []byte // without its line end; valid until the next one is read
	problem string // why it is malformed
	cut     bool   // content is its beginning only
	open    bool   // the file ends before its line does
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
