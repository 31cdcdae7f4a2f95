package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

const checkpointVersion = 1

// checkpoint says how far a file is done, and which file that is.
type checkpoint struct {
	Version int `json:"version"`
	// Name, Format and Comma are the source's: under others, places and ids would mean something else.
	Name   string `json:"name"`
	Format Format `json:"format"`
	Comma  string `json:"comma,omitempty"`
	// Size and Modified are the file's. While they are the same, so is the file; otherwise its content is compared.
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified,omitzero"`
	// Position is where the first record begins that is not done.
	Position position `json:"position"`
}

func (p *pass) checkpoint() checkpoint {
	c := checkpoint{Version: checkpointVersion, Name: p.config.name(), Format: p.config.format(), Size: p.size, Modified: p.modified.UTC()}
	if c.Format == FormatCSV {
		c.Comma = p.config.Comma
	}
	return c
}

// encode writes c on one line and its checksum on the next.
func (c checkpoint) encode() ([]byte, error) {
	line, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	line = append(line, '\n')
	return fmt.Appendf(line, "%08x\n", crc32.ChecksumIEEE(line)), nil
}

func decodeCheckpoint(data []byte) (checkpoint, error) {
	var c checkpoint
	end := bytes.IndexByte(data, '\n') + 1
	if string(data[end:]) != fmt.Sprintf("%08x\n", crc32.ChecksumIEEE(data[:end])) {
		return c, errors.New("it is damaged, its checksum does not match")
	}
	if err := json.Unmarshal(data[:end], &c); err != nil {
		return c, fmt.Errorf("it is damaged: %w", err)
	}
	if c.Version != checkpointVersion {
		return c, fmt.Errorf("it is of version %d, this program knows version %d", c.Version, checkpointVersion)
	}
	return c, nil
}

// difference says what keeps c from being used for what now is read, or "".
func (c checkpoint) difference(now checkpoint) string {
	switch {
	case c.Name != now.Name:
		return fmt.Sprintf("it is of the source %q, this one is %q", c.Name, now.Name)
	case c.Format != now.Format:
		return fmt.Sprintf("it is of a file read as %s, this one is read as %s", c.Format, now.Format)
	case c.Comma != now.Comma:
		return fmt.Sprintf("it is of a file with %q between its columns, this one is read with %q", c.Comma, now.Comma)
	default:
		return ""
	}
}

// sameFile reports whether the file is known to be the one of c without looking into it.
func (c checkpoint) sameFile(now checkpoint) bool {
	return c.Size == now.Size && !c.Modified.IsZero() && c.Modified.Equal(now.Modified)
}
