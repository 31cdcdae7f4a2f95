package file

import "bytes"

type csvState uint8

const (
	csvPlain   csvState = iota // outside of quotes
	csvQuoted                  // inside of quotes
	csvQuote                   // behind a quote inside of quotes: the end of the field, or the first of two
	csvQuoteCR                 // behind a quote and a carriage return
	csvBroken                  // behind a misplaced quote: the record ends with the line
)

// csvSplitter splits a CSV file into its records, by the rules of encoding/csv: quoted fields may hold line ends, and a
// misplaced quote spoils everything up to the end of its line.
type csvSplitter struct {
	comma    byte
	state    csvState
	previous byte // what is before data, or comma where a record begins
	open     bool
	lines    int64 // line ends in quoted fields of the record so far
	quoteAt  int64 // how many of them before the field that was begun last
	problem  fault
}

func newCSVSplitter(comma byte) *csvSplitter { return &csvSplitter{comma: comma, previous: comma} }

func (c *csvSplitter) scan(data []byte, last bool) (int, verdict) {
	lineEnd := lineEndFrom(data, 0)
	for at := 0; at < len(data); {
		c.open = true
		if at > lineEnd {
			lineEnd = lineEndFrom(data, at)
		}
		var ended bool
		if at, ended = c.advance(data, at, lineEnd); ended {
			c.begin()
			return at, whole
		}
	}
	switch {
	case !last:
		return len(data), goesOn
	case !c.open:
		return 0, over
	case c.state == csvQuoted:
		c.spoil("a quoted field in it is not closed by the end of the file; close it, or double the quotes that belong to its text")
		c.problem.fatal = c.problem.spans
	}
	c.begin()
	return len(data), whole
}

// advance returns how far it came, and whether the record ends there.
func (c *csvSplitter) advance(data []byte, at, lineEnd int) (int, bool) {
	switch c.state {
	case csvQuoted:
		quote := bytes.IndexByte(data[at:], '"')
		if quote < 0 {
			c.lines += int64(bytes.Count(data[at:], []byte{'\n'}))
			return len(data), false
		}
		c.lines += int64(bytes.Count(data[at:at+quote], []byte{'\n'}))
		c.state = csvQuote
		return at + quote + 1, false
	case csvQuote, csvQuoteCR:
		return c.afterQuote(data, at)
	case csvBroken:
		return throughLine(data, lineEnd)
	default:
		return c.plain(data, at, lineEnd)
	}
}

func (c *csvSplitter) plain(data []byte, at, lineEnd int) (int, bool) {
	quote := bytes.IndexByte(data[at:lineEnd], '"')
	if quote < 0 {
		c.previous = data[len(data)-1]
		return throughLine(data, lineEnd)
	}
	if quote > 0 {
		c.previous = data[at+quote-1]
	}
	if c.previous == c.comma {
		c.state, c.quoteAt = csvQuoted, c.lines
	} else {
		c.spoil("a field that does not begin with a quote has one in it; put the whole field in quotes and double those in it")
	}
	return at + quote + 1, false
}

func (c *csvSplitter) afterQuote(data []byte, at int) (int, bool) {
	b := data[at]
	switch {
	case b == '\n':
		return at + 1, true
	case c.state == csvQuote && b == '"':
		c.state = csvQuoted
	case c.state == csvQuote && b == c.comma:
		c.state, c.previous = csvPlain, c.comma
	case c.state == csvQuote && b == '\r':
		c.state = csvQuoteCR
	default:
		c.spoil("a quoted field goes on after its closing quote; double the quotes that belong to its text")
		return at, false
	}
	return at + 1, false
}

func (c *csvSplitter) spoil(problem string) {
	c.state = csvBroken
	c.problem = fault{problem: problem, spans: c.lines > c.quoteAt, below: c.quoteAt}
}

func (c *csvSplitter) begin() {
	c.state, c.previous, c.open = csvPlain, c.comma, false
	c.lines, c.quoteAt = 0, 0
}

func (c *csvSplitter) fault() fault {
	f := c.problem
	c.problem = fault{}
	return f
}

func (*csvSplitter) blank(content []byte) bool { return len(content) == 0 }

// lineEndFrom returns where the line that from is on ends in data, len(data) where it goes on beyond it.
func lineEndFrom(data []byte, from int) int {
	if i := bytes.IndexByte(data[from:], '\n'); i >= 0 {
		return from + i
	}
	return len(data)
}

// throughLine returns what is behind the line, and whether it ends in data at all.
func throughLine(data []byte, lineEnd int) (int, bool) {
	if lineEnd == len(data) {
		return lineEnd, false
	}
	return lineEnd + 1, true
}
