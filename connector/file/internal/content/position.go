package content

import (
	"bytes"
	"hash/crc32"
)

// Position is a place between two bytes of a file's content, after decompression. Checkpoints store it as JSON.
type Position struct {
	// Offset is the number of bytes before it.
	Offset int64 `json:"offset"`
	// Line is the number of its line, from 1.
	Line int64 `json:"line"`
	// Begun is the number of records that begin on that line before it.
	Begun int32 `json:"begun"`
	// Sum is the CRC-32 (IEEE) of all bytes before it. It tells whether the file is still the same up to here.
	Sum uint32 `json:"sum"`
}

// Beginning returns the position before the first byte.
func Beginning() Position { return Position{Line: 1} }

// after returns the position behind data that begins at p.
func (p Position) after(data []byte) Position {
	p.Offset += int64(len(data))
	p.Sum = crc32.Update(p.Sum, crc32.IEEETable, data)
	if lines := bytes.Count(data, []byte{'\n'}); lines > 0 {
		p.Line += int64(lines)
		p.Begun = 0
	}
	return p
}
