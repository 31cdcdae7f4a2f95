package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// interpolated is a scalar with its references replaced.
type interpolated struct {
	value string
	// references tells whether it had any; fromFile whether one of them was a file; sensitive whether the name of a
	// variable is one for secrets.
	references, fromFile, sensitive bool
}

// interpolate reports all that is wrong with the references of a scalar. Its errors tell no value.
func (e Environment) interpolate(scalar string) (interpolated, error) {
	parts, complete := split(scalar)
	if !complete {
		return interpolated{}, errors.New("has a ${ without its }; write $${ for a literal ${")
	}
	var value strings.Builder
	var result interpolated
	var faults []error
	for _, p := range parts {
		if !p.reference {
			value.WriteString(p.text)
			continue
		}
		text, err := e.resolve(p.text)
		if err == nil && !utf8.ValidString(text) {
			err = fmt.Errorf("is not UTF-8 in ${%s}; encode it, for example in base64", nameOf(p.text))
		}
		faults = append(faults, err)
		value.WriteString(text)
		result.references = true
		result.fromFile = result.fromFile || isFile(p.text)
		result.sensitive = result.sensitive || !isFile(p.text) && sensitivityOf(nameOf(p.text)) != public
	}
	result.value = value.String()
	return result, errors.Join(faults...)
}

func (e Environment) resolve(reference string) (string, error) {
	if isFile(reference) {
		return e.contents(strings.TrimPrefix(reference, "file:"))
	}
	name, text, hasDefault := strings.Cut(reference, ":-")
	switch {
	case !isVariable(name):
		return "", fmt.Errorf("has ${%s}, which is not a reference; write ${NAME}, ${NAME:-default} or ${file:path}, or $${ for a "+
			"literal ${", abbreviated(name))
	case strings.Contains(text, "${"):
		return "", fmt.Errorf("has a reference in the default of ${%s}; a default is plain text", name)
	}
	value, set := "", false
	if e.LookupEnv != nil {
		value, set = e.LookupEnv(name)
	}
	switch {
	case hasDefault && value == "":
		return text, nil
	case !set:
		return "", fmt.Errorf("uses ${%s}, which is not set; set the environment variable, or give a default: ${%s:-…}", name, name)
	default:
		return value, nil
	}
}

func (e Environment) contents(path string) (string, error) {
	if path == "" {
		return "", errors.New("has ${file:} without a path; write ${file:path}")
	}
	if e.ReadFile == nil {
		return "", fmt.Errorf("uses ${file:%s}, but files cannot be read here; use an environment variable", path)
	}
	data, err := e.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("uses ${file:%s}: %w", path, err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}

func isFile(reference string) bool {
	return strings.HasPrefix(reference, "file:") && !strings.HasPrefix(reference, "file:-")
}

// nameOf is a reference without its default.
func nameOf(reference string) string {
	if isFile(reference) {
		return reference
	}
	name, _, _ := strings.Cut(reference, ":-")
	return name
}

func isVariable(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
