package file

import (
	"path"
	"strings"
)

// Format is the format of a file.
type Format string

const (
	// FormatAuto derives the format from the ending of the file's name: .csv, .jsonl or .ndjson, .json, each with or
	// without .gz after it.
	FormatAuto Format = ""
	// FormatCSV is RFC 4180 with a header: each further record is delivered as a JSON object.
	FormatCSV Format = "csv"
	// FormatJSONL is a JSON value on each line.
	FormatJSONL Format = "jsonl"
	// FormatJSON is one JSON array; each of its elements is a record.
	FormatJSON Format = "json"
)

const gzipEnding = ".gz"

// formatOf returns FormatAuto for a name without a known ending.
func formatOf(name string) Format {
	name = strings.TrimSuffix(strings.ToLower(name), gzipEnding)
	switch path.Ext(name) {
	case ".csv":
		return FormatCSV
	case ".jsonl", ".ndjson":
		return FormatJSONL
	case ".json":
		return FormatJSON
	default:
		return FormatAuto
	}
}
