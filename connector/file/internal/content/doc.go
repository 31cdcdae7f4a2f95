// Package content reads the content of a file: decompressed if it is gzip, buffered, and with the position of every byte.
//
// A [Buffer] loses no byte by an error: after one that may pass, such as the end of a context, the next call continues
// at the same place. A [Comparison] reads a content again and tells whether it is still the same. Both hold a bounded part of
// the content in memory.
//
// The types are not safe for concurrent use.
package content
