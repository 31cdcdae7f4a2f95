package records

import "bytes"

// csvFields yields the values of a well-formed CSV record, without quotes and with plain newlines.
type csvFields struct {
	rest    []byte
	comma   byte
	ended   bool
	scratch []byte
}

// next returns a value, which is valid until the following call, and false behind the last one.
func (f *csvFields) next() ([]byte, bool) {
	if f.ended {
		return nil, false
	}
	if len(f.rest) > 0 && f.rest[0] == '"' {
		return f.quoted(), true
	}
	value, rest, more := bytes.Cut(f.rest, []byte{f.comma})
	f.rest, f.ended = rest, !more
	return value, true
}

func (f *csvFields) quoted() []byte {
	f.scratch = f.scratch[:0]
	rest := f.rest[1:]
	for {
		text, behind, _ := bytes.Cut(rest, []byte{'"'})
		rest = behind
		f.scratch = append(f.scratch, text...)
		if len(rest) == 0 || rest[0] != '"' {
			break
		}
		f.scratch = append(f.scratch, '"')
		rest = rest[1:]
	}
	f.ended = len(rest) == 0
	if !f.ended {
		f.rest = rest[1:]
	}
	if bytes.IndexByte(f.scratch, '\r') >= 0 {
		return bytes.ReplaceAll(f.scratch, []byte("\r\n"), []byte{'\n'})
	}
	return f.scratch
}
