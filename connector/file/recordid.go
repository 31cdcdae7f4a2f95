package file

import (
	"encoding/hex"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/ergon-go/ergon/connector/file/internal/records"
)

// recordIDs makes the ids of a file's records: name@generation:line-content [I1]. The nth record, from the second, that begins on
// one line has name@generation:line:n-content; only a JSON array has such.
//
// The line is for people and for looking a record up. The content is there because a file may be rewritten unnoticed: then a
// line has two ids, and both records are work.
type recordIDs struct{ name, generation, prefix string }

func newRecordIDs(name, generation string) recordIDs {
	return recordIDs{name: name, generation: generation, prefix: name + "@" + generation + ":"}
}

// of costs one allocation.
func (ids recordIDs) of(r *records.Record) string {
	var space [128]byte
	id := append(space[:0], ids.prefix...)
	id = strconv.AppendInt(id, r.Line, 10)
	if r.Nth > 1 {
		id = strconv.AppendInt(append(id, ':'), int64(r.Nth), 10)
	}
	digest := contentDigest(r.Content)
	return string(hex.AppendEncode(append(id, '-'), digest[:]))
}

// contentDigest is 64 bits: two CRCs of different polynomials, which together are one of their product, and which processors
// calculate by instructions of their own.
func contentDigest(content []byte) [8]byte {
	a, b := crc32.ChecksumIEEE(content), crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli))
	return [8]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a), byte(b >> 24), byte(b >> 16), byte(b >> 8), byte(b)}
}

// wanted is a record that is looked up.
type wanted struct {
	line   int64
	nth    int32
	digest string // of its content; "" where that is not said
}

// parse understands ids of this generation, with or without the content, and name:line, which can mean nothing else here.
func (ids recordIDs) parse(id string) (wanted, bool) {
	place, whole := strings.CutPrefix(id, ids.prefix)
	if !whole {
		var ok bool
		if place, ok = strings.CutPrefix(id, ids.name+":"); !ok {
			return wanted{}, false
		}
	}
	var w wanted
	if whole {
		place, w.digest, _ = strings.Cut(place, "-")
	}
	number, ordinal, several := strings.Cut(place, ":")
	var err error
	if w.line, err = strconv.ParseInt(number, 10, 64); err != nil {
		return wanted{}, false
	}
	w.nth = 1
	if several {
		n, err := strconv.ParseInt(ordinal, 10, 32)
		if err != nil {
			return wanted{}, false
		}
		w.nth = int32(n)
	}
	return w, true
}

// means reports whether the record that is in the place has the content as well.
func (w wanted) means(r *records.Record) bool {
	digest := contentDigest(r.Content)
	return w.digest == "" || w.digest == hex.EncodeToString(digest[:])
}
