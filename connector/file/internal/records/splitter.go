package records

import "fmt"

// verdict is what a splitter says about the bytes that it took.
type verdict uint8

const (
	incomplete verdict = iota // they belong to a record that continues after them
	complete                  // the record ends with them
	separator                 // they belong to no record
	ended                     // no record follows
)

// splitter finds the ends of records. It keeps its state between calls, so a record may come in pieces, and the pieces need not
// be kept.
type splitter interface {
	// scan takes bytes from the start of data, which follows what it took before. last is set if no data follows.
	scan(data []byte, last bool) (int, verdict)
	// fault returns what is wrong with the record that is complete, or with the end of the file, and forgets it.
	fault() fault
	// blank reports whether these bytes, without their line end, are no record.
	blank(content []byte) bool
}

// fault is what is wrong with a record.
type fault struct {
	problem string // "" if it is well-formed
	fatal   bool   // nobody can tell where the next record begins
	// A CSV record may have a quoted field with line ends in it, maybe because of a stray quote.
	multiline  bool
	lineOffset int64 // lines of the record before that field
	within     bool  // the problem is in that field
}

// complete adds what the splitter does not know: the line of the record, and whether it is too long. A stray quote takes the lines
// after it into its field. If these are more than one record may have, the end of the record cannot be trusted.
func (f *fault) complete(line int64, tooLong bool, maxBytes int) {
	quote := ""
	if f.multiline {
		quote = fmt.Sprintf("the quote that begins a field on line %d takes the lines after it into the field", line+f.lineOffset)
	}
	switch {
	case f.within:
		f.problem = quote + ": " + f.problem
		f.fatal = f.fatal || tooLong
	case f.fatal || !tooLong:
	case f.multiline:
		f.problem = fmt.Sprintf("is longer than %d bytes (max_record_bytes): %s; remove the quote if it is stray, otherwise raise "+
			"max_record_bytes or shorten the record", maxBytes, quote)
	default:
		f.problem = fmt.Sprintf("is longer than %d bytes (max_record_bytes); raise that, or shorten the record", maxBytes)
	}
}
