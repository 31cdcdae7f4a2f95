package records

import (
	"bytes"
	"unicode/utf8"

	"github.com/ergon-go/ergon/connector/file/internal/content"
)

// Record is one record of a file, well-formed or not.
type Record struct {
	// Line is the number of the line on which it begins, from 1.
	Line int64
	// Nth is its number among the records that begin on that line, from 1.
	Nth int32
	// Content is the record without its line end. It is valid until the next record is read.
	Content []byte
	// Problem says why the record is malformed. Decoding may find further problems.
	Problem string
	// Truncated means that Content is the beginning only.
	Truncated bool
	// NoLineEnd means that the file ends with the record, without a line end.
	NoLineEnd bool
	// End is the position behind the record, where the next reading continues.
	End content.Position
}

// maxExcerpt is the length of an excerpt in bytes.
const maxExcerpt = 1 << 10

// Excerpt copies the first KiB of data. It does not cut a UTF-8 character in two.
func Excerpt(data []byte) []byte {
	if len(data) <= maxExcerpt {
		return bytes.Clone(data)
	}
	end := maxExcerpt
	for end > maxExcerpt-utf8.UTFMax && !utf8.RuneStart(data[end]) {
		end--
	}
	return bytes.Clone(data[:end])
}

func withoutLineEnd(data []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(data, []byte{'\n'}), []byte{'\r'})
}
