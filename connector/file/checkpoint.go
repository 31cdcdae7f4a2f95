package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/ergon-go/ergon/connector/file/internal/content"
)

const (
	checkpointVersion = 2
	// checkpointWithoutGeneration is read as well: what it leaves to do gets ids of a new generation.
	checkpointWithoutGeneration = 1
	// coarsestTime is how far apart two changes of a file may have the same time.
	coarsestTime = 2 * time.Second
)

// checkpoint says how far a file is done, and which file that is.
type checkpoint struct {
	Version int `json:"version"`
	// Name, Format and Comma are the source's: under others, places and ids would mean something else.
	Name   string `json:"name"`
	Format Format `json:"format"`
	Comma  string `json:"comma,omitempty"`
	// Generation is part of the ids; "" where it was not known yet.
	Generation string `json:"generation,omitempty"`
	// Size to Changed are the file's when it was opened, at Looked. While they are the same, so is the file; otherwise its content
	// is compared.
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified,omitzero"`
	Device   uint64    `json:"device,omitempty"`
	Inode    uint64    `json:"inode,omitempty"`
	Changed  int64     `json:"changed,omitempty"`
	Looked   time.Time `json:"looked,omitzero"`
	// Position is where the first record begins that is not done.
	Position content.Position `json:"position"`
}

func (p *pass) checkpoint() checkpoint {
	node := inodeOf(p.info)
	c := checkpoint{
		Version: checkpointVersion, Name: p.config.name(), Format: p.config.format(), Size: p.info.Size(), Modified: p.info.ModTime().UTC(),
		Device: node.device, Inode: node.number, Changed: node.changed, Looked: time.Now().UTC(),
	}
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
	if c.Version != checkpointVersion && c.Version != checkpointWithoutGeneration {
		return c, fmt.Errorf("it is of version %d, this program knows versions up to %d", c.Version, checkpointVersion)
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

// sameFile reports whether the file is known to be the one of c without looking into it. Size and modification time alone do not
// say so: both can be what they were after the file was rewritten. The time of the last change cannot, unless it was so recent
// when the file was opened that another change has the same.
func (c checkpoint) sameFile(now checkpoint) bool {
	return c.Changed != 0 && c.Looked.Sub(time.Unix(0, c.Changed)) > coarsestTime &&
		c.Changed == now.Changed && c.Size == now.Size && c.Modified.Equal(now.Modified) && c.Device == now.Device && c.Inode == now.Inode
}

// done reports whether everything was done that the file held when it was opened.
func (c checkpoint) done(compressed bool) bool { return !compressed && c.Position.Offset >= c.Size }
