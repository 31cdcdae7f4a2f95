package file

import (
	"bytes"
	"hash/crc32"
)

// position is a place between two bytes of a file's content, after decompression.
type position struct {
	// Offset is how many bytes are before it.
	Offset int64 `json:"offset"`
	// Line is the number of the line that it is on, from 1.
	Line int64 `json:"line"`
	// Begun is how many records begin on that line before it.
	Begun int32 `json:"begun"`
	// Sum is the CRC-32 of all bytes before it: whether the file is still the same up to here.
	Sum uint32 `json:"sum"`
}

func beginning() position { return position{Line: 1} }

// after returns the position behind content that begins at p.
func (p position) after(content []byte) position {
	p.Offset += int64(len(content))
	p.Sum = crc32.Update(p.Sum, crc32.IEEETable, content)
	if lines := bytes.Count(content, []byte{'\n'}); lines > 0 {
		p.Line += int64(lines)
		p.Begun = 0
	}
	return p
}
