package postgres

import (
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// names turns statements for any schema into those for one: {items} is its table of items, {now} its clock.
type names struct {
	schema, prefix string
	now            string   // an expression; "" for the server's clock
	made           sync.Map // the statements, by their templates, which are constants
}

var inBraces = regexp.MustCompile(`\{[a-z_]+\}`)

const serverClock = "clock_timestamp()"

// sql returns the statement of a template.
func (n *names) sql(template string) string {
	if made, ok := n.made.Load(template); ok {
		return made.(string) //nolint:forcetypeassert // it holds nothing else
	}
	made := inBraces.ReplaceAllStringFunc(template, func(found string) string {
		switch name := strings.Trim(found, "{}"); name {
		case "now":
			if n.now != "" {
				return n.now
			}
			return serverClock
		case "schema":
			return pgx.Identifier{n.schema}.Sanitize()
		default:
			return n.table(name)
		}
	})
	n.made.Store(template, made)
	return made
}

// table is the name of a table or an index. CREATE INDEX takes no schema: an index is in that of its table.
func (n *names) table(name string) string {
	if isIndex(name) {
		return pgx.Identifier{n.prefix + name}.Sanitize()
	}
	return pgx.Identifier{n.schema, n.prefix + name}.Sanitize()
}

func isIndex(name string) bool {
	switch name {
	case "dead_letters":
		return false
	default:
		return strings.Contains(name, "_")
	}
}

// storable returns a text that PostgreSQL can store: UTF-8 without NUL. Others become hexadecimal digits behind a marker. read is
// the reverse.
func storable(text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") && !strings.HasPrefix(text, marker) {
		return text
	}
	return marker + hex.EncodeToString([]byte(text))
}

const marker = `\x`

// read returns the text that storable was called with.
func read(stored string) string {
	if digits, marked := strings.CutPrefix(stored, marker); marked {
		if text, err := hex.DecodeString(digits); err == nil {
			return string(text)
		}
	}
	return stored
}
