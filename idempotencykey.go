package ergon

import (
	"strconv"
	"strings"
)

// IdempotencyKey returns what tells the work that t stands for from all other work, to a system that does a thing once for
// each key. It is the id and, above 0, the generation: what is done anew on purpose has another key, what is only delivered
// or retried again has the same [I5]. It has at most 128 characters, visible ones of ASCII, so it fits into a header:
//
//	order-7      of generation 0
//	order-7#1    of generation 1
//	caf%C3%A9    "%", "#" and what is not visible ASCII are written as "%" and two digits
//
// Of a longer one 60 characters are left, and "#" and a digest of all of it follow.
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
