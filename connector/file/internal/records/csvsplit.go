package records

import "bytes"

type csvState uint8

const (
	csvUnquoted     csvState = iota // outside quotes
	csvQuoted                       // inside quotes
	csvAfterQuote                   // behind a quote inside quotes: the end of the field, or the first of two
	csvAfterQuoteCR                 // behind a quote and a carriage return
	csvInvalid                      // behind a misplaced quote: the record ends with the line
)

// csvSplitter splits a CSV file into its records, by the rules of encoding/csv: quoted fields may have line ends in them, and
// everything from a misplaced quote to the end of its line is malformed.
type csvSplitter struct {
	comma    byte
	state    csvState
	previous byte  // the byte before data; comma at the beginning of a record
	open     bool  // the record has a byte
	lines    int64 // line ends in quoted fields of the record so far
	fieldAt  int64 // of lines, those before the quoted field that began last
	// The quoted field of the record with the most line ends in it.
	longest, longestAt int64
	found              fault
}

func newCSVSplitter(comma byte) *csvSplitter { return &csvSplitter{comma: comma, previous: comma} }

func (c *csvSplitter) scan(data []byte, last bool) (int, verdict) {
	lineEnd := lineEndFrom(data, 0)
	for at := 0; at < len(data); {
		c.open = true
		if at > lineEnd {
			lineEnd = lineEndFrom(data, at)
		}
		var ends bool
		if at, ends = c.advance(data, at, lineEnd); ends {
			c.complete()
			return at, complete
		}
	}
	switch {
	case !last:
		return len(data), incomplete
	case !c.open:
		return 0, ended
	case c.state == csvQuoted:
		c.invalid("a quoted field in it is not closed by the end of the file; close it, or double the quotes that belong to its text")
		c.found.fatal = c.found.within
	}
	c.complete()
	return len(data), complete
}

// advance returns how far it came, and whether the record ends there.
func (c *csvSplitter) advance(data []byte, at, lineEnd int) (int, bool) {
	switch c.state {
	case csvQuoted:
		return c.quoted(data, at), false
	case csvAfterQuote, csvAfterQuoteCR:
		return c.afterQuote(data, at)
	case csvInvalid:
		return throughLine(data, lineEnd)
	default:
		return c.unquoted(data, at, lineEnd)
	}
}

func (c *csvSplitter) unquoted(data []byte, at, lineEnd int) (int, bool) {
	quote := bytes.IndexByte(data[at:lineEnd], '"')
	if quote < 0 {
		c.previous = data[len(data)-1]
		return throughLine(data, lineEnd)
	}
	if quote > 0 {
		c.previous = data[at+quote-1]
	}
	if c.previous == c.comma {
		c.state, c.fieldAt = csvQuoted, c.lines
	} else {
		c.invalid("a field that does not begin with a quote has one in it; put the whole field in quotes and double those in it")
	}
	return at + quote + 1, false
}

func (c *csvSplitter) quoted(data []byte, at int) int {
	quote := bytes.IndexByte(data[at:], '"')
	end := at + quote
	if quote < 0 {
		end = len(data)
	}
	c.lines += int64(bytes.Count(data[at:end], []byte{'\n'}))
	if quote < 0 {
		return end
	}
	c.state = csvAfterQuote
	if length := c.lines - c.fieldAt; length > c.longest {
		c.longest, c.longestAt = length, c.fieldAt
	}
	return end + 1
}

func (c *csvSplitter) afterQuote(data []byte, at int) (int, bool) {
	b := data[at]
	switch {
	case b == '\n':
		return at + 1, true
	case c.state == csvAfterQuote && b == '"':
		c.state = csvQuoted
	case c.state == csvAfterQuote && b == c.comma:
		c.state, c.previous = csvUnquoted, c.comma
	case c.state == csvAfterQuote && b == '\r':
		c.state = csvAfterQuoteCR
	default:
		c.invalid("a quoted field continues after its closing quote; double the quotes that belong to its text")
		return at, false
	}
	return at + 1, false
}

func (c *csvSplitter) invalid(problem string) {
	c.state = csvInvalid
	c.found.problem, c.found.within = problem, c.lines > c.fieldAt
	if c.found.within {
		c.longest, c.longestAt = c.lines-c.fieldAt, c.fieldAt
	}
}

// complete keeps what is wrong with the record and begins the next one.
func (c *csvSplitter) complete() {
	c.found.multiline, c.found.lineOffset = c.longest > 0, c.longestAt
	c.state, c.previous, c.open = csvUnquoted, c.comma, false
	c.lines, c.fieldAt, c.longest, c.longestAt = 0, 0, 0, 0
}

func (c *csvSplitter) fault() fault {
	f := c.found
	c.found = fault{}
	return f
}

func (*csvSplitter) blank(data []byte) bool { return len(data) == 0 }

// lineEndFrom returns where the line of from ends in data, or len(data) if it continues behind data.
func lineEndFrom(data []byte, from int) int {
	if i := bytes.IndexByte(data[from:], '\n'); i >= 0 {
		return from + i
	}
	return len(data)
}

// throughLine returns what is behind the line, and whether the line ends in data.
func throughLine(data []byte, lineEnd int) (int, bool) {
	if lineEnd == len(data) {
		return lineEnd, false
	}
	return lineEnd + 1, true
}
