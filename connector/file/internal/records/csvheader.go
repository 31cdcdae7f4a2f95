package records

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// newCSVObjects parses the header. Its error names every fault of it.
func newCSVObjects(header []byte, c CSVConfig) (*csvObjects, error) {
	if !utf8.Valid(header) {
		return nil, errors.New("the header is not valid UTF-8; convert the file to UTF-8, for example with iconv")
	}
	names := columnNames(header, c.Comma)
	err := errors.Join(
		checkNames(names),
		checkListed("numbers", c.Numbers, names),
		checkListed("booleans", c.Booleans, names),
	)
	if err != nil {
		return nil, err
	}
	return &csvObjects{columns: csvColumns(names, c), fields: csvFields{comma: c.Comma}}, nil
}

func columnNames(header []byte, comma byte) []string {
	fields := csvFields{rest: header, comma: comma}
	var names []string
	for name, ok := fields.next(); ok; name, ok = fields.next() {
		names = append(names, string(name))
	}
	return names
}

func checkNames(names []string) error {
	var errs []error
	first := make(map[string]int, len(names))
	for i, name := range names {
		if strings.ContainsRune(name, '\r') {
			return errors.New("the header has a carriage return in it; if the lines end with carriage returns alone, convert them to newlines")
		}
		if name == "" {
			errs = append(errs, fmt.Errorf("column %d of the header has no name; give it one", i+1))
			continue
		}
		if before, found := first[name]; found {
			errs = append(errs, fmt.Errorf("columns %d and %d of the header are both called %q; give them different names, "+
				"because a JSON object keeps only one of them", before+1, i+1, name))
			continue
		}
		first[name] = i
	}
	return errors.Join(errs...)
}

func checkListed(key string, listed, names []string) error {
	var errs []error
	for _, name := range listed {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("%s names the column %q, which is not in the header; the header has %q", key, name, names))
		}
	}
	return errors.Join(errs...)
}

func csvColumns(names []string, c CSVConfig) []csvColumn {
	columns := make([]csvColumn, len(names))
	for i, name := range names {
		key := appendJSONString(nil, []byte(name))
		if i > 0 {
			key = append([]byte{','}, key...)
		}
		columns[i] = csvColumn{name: name, key: append(key, ':')}
		switch {
		case slices.Contains(c.Numbers, name):
			columns[i].kind = columnNumber
		case slices.Contains(c.Booleans, name):
			columns[i].kind = columnBoolean
		}
	}
	return columns
}
