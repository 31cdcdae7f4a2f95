package ergon

import (
	"strconv"
	"strings"
)

// IdempotencyKey returns a key for a system that does something once for each key. It consists of the id and, above 0, the
// generation. So a transaction that is repeated on purpose has another key, and one that is delivered or retried again has the
// same key [I5]. The key has at most 128 characters of visible ASCII, so it fits into a header:
//
//	order-7      of generation 0
//	order-7#1    of generation 1
//	caf%C3%A9    "%", "#" and bytes that are not visible ASCII are written as "%" and two digits
//
// A longer key is cut to 60 characters, followed by "#" and a digest of the whole key.
func (t Transaction) IdempotencyKey() string {
	generation := t.Generation()
	if generation == 0 && len(t.id) <= longestID && strings.IndexFunc(t.id, needsEscape) < 0 {
		return t.id
	}
	key := escaped(t.id)
	if generation > 0 {
		key = strconv.AppendInt(append(key, '#'), int64(generation), 10)
	}
	if len(key) <= longestID {
		return string(key)
	}
	head := longestHead
	for i := head - 2; i < head; i++ { // not within an escape
		if key[i] == '%' {
			head = i
		}
	}
	return string(key[:head]) + "#" + digestOf(key)
}

// escaped has nothing but visible ASCII.
func escaped(id string) []byte {
	const digits = "0123456789ABCDEF"
	key := make([]byte, 0, len(id)+16)
	for i := range len(id) {
		if b := id[i]; needsEscape(rune(b)) {
			key = append(key, '%', digits[b>>4], digits[b&15])
		} else {
			key = append(key, b)
		}
	}
	return key
}

func needsEscape(r rune) bool { return r <= ' ' || r > '~' || r == '%' || r == '#' }
