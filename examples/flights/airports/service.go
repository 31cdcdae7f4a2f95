// Package airports knows the airports of the United States: a service that a task asks for names and positions.
package airports

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
)

// Airport is an airport with its position.
type Airport struct {
	Code                string // of the IATA: "SFO"
	Name, City, State   string
	Latitude, Longitude float64 // in degrees, north and east positive
}

// Service finds airports by their code. It does not change after Open, and is safe for concurrent use.
type Service struct {
	files  fs.FS
	path   string
	byCode map[string]Airport
}

// NewService returns a service for the airports of a compressed CSV file. It has none before Open.
func NewService(files fs.FS, path string) *Service { return &Service{files: files, path: path} }

// Open reads the file.
func (s *Service) Open(context.Context) error {
	if err := s.read(); err != nil {
		return fmt.Errorf("airports: %s: %w", s.path, err)
	}
	return nil
}

func (s *Service) read() (err error) {
	file, err := s.files.Open(s.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	text, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	s.byCode, err = parse(csv.NewReader(text))
	return err
}

// Airport returns the airport with that code; false if there is none.
func (s *Service) Airport(code string) (Airport, bool) {
	a, ok := s.byCode[code]
	return a, ok
}

func parse(lines *csv.Reader) (map[string]Airport, error) {
	if _, err := lines.Read(); err != nil { // the names of the columns
		return nil, err
	}
	lines.FieldsPerRecord = 7
	byCode := map[string]Airport{}
	for {
		field, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return byCode, nil
		}
		if err != nil {
			return nil, err
		}
		latitude, north := strconv.ParseFloat(field[5], 64)
		longitude, east := strconv.ParseFloat(field[6], 64)
		if err := errors.Join(north, east); err != nil {
			return nil, fmt.Errorf("airport %s: %w", field[0], err)
		}
		byCode[field[0]] = Airport{
			Code: field[0], Name: field[1], City: field[2], State: field[3], Latitude: latitude, Longitude: longitude,
		}
	}
}
