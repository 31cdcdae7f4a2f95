package config

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const redacted = "[redacted]"

// sensitivity is how likely a key holds a secret.
type sensitivity uint8

const (
	public     sensitivity = iota
	likely                 // a secret where it is taken from a variable: dsn, key, token_url
	certain                // a secret even where it is written down: password, api_key
	throughout             // certain, and so is all that is below: headers of requests, whose names say little
)

// below is the sensitivity of a key, or of an element "[i]", in what has sensitivity s.
func (s sensitivity) below(key string) sensitivity {
	switch {
	case strings.HasPrefix(key, "["), s == throughout:
		return s
	case s != public:
		return max(sensitivityOf(key), likely)
	default:
		return sensitivityOf(key)
	}
}

// sensitivityOf goes by the key's name.
func sensitivityOf(key string) sensitivity {
	name := strings.TrimSuffix(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, key), "s")
	ends := func(suffix string) bool { return strings.HasSuffix(name, suffix) }
	has := func(part string) bool { return strings.Contains(name, part) }
	switch {
	case ends("header"):
		return throughout
	case slices.ContainsFunc([]string{
		"password", "passwd", "passphrase", "secret", "token", "credential", "apikey", "secretkey", "privatekey", "accesskey",
	}, ends):
		return certain
	case ends("key") || slices.ContainsFunc([]string{"passw", "passphrase", "secret", "token", "credential", "dsn"}, has):
		return likely
	default:
		return public
	}
}

// urlPassword is the password in scheme://user:password@host.
var urlPassword = regexp.MustCompile(`(://[^/?#\s:@]*:)([^/?#\s]+)@`)

// withoutURLPassword keeps a password that is a reference: it tells nothing.
func withoutURLPassword(text string) string {
	return urlPassword.ReplaceAllStringFunc(text, func(match string) string {
		found := urlPassword.FindStringSubmatch(match)
		if onlyReferences(found[2]) {
			return match
		}
		return found[1] + redacted + "@"
	})
}

// without removes secrets from a message that was made by somebody else.
func without(secrets []string, message string) string {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		message = strings.ReplaceAll(message, secret, redacted)
		escaped := quoted(secret)
		message = strings.ReplaceAll(message, escaped[1:len(escaped)-1], redacted)
	}
	return message
}
