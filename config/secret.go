package config

import (
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
	address                // likely, and of a URL that is written down only scheme and host are none: a webhook
	certain                // a secret even where it is written down: password, api_key
	throughout             // certain, and so is all that is below: headers of requests, whose names say little
	arguments              // of a program: all but the first, which is the program
)

// below is the sensitivity of a key, or of an element "[i]", in what has sensitivity s.
func (s sensitivity) below(key string) sensitivity {
	switch {
	case s == arguments && key == "[0]":
		return likely
	case s == arguments:
		return throughout
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
	case has("webhook"):
		return address
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

// secretTag is the tag of a field whose place makes it a secret, whatever its key: `secret:"value"`, it and all that is below;
// `secret:"url"`, all of it but scheme and host; `secret:"arguments"`, all but the first.
func secretTag(tag string) (s sensitivity, known bool) {
	s, known = map[string]sensitivity{"": public, "value": throughout, "url": address, "arguments": arguments}[tag]
	return s, known
}

// under is the sensitivity of a field in what has sensitivity s.
func (f field) under(s sensitivity) sensitivity { return max(s.below(f.key), f.secret) }

// minSecret is how long a secret is at least: shorter ones are parts of words, and guessed anyway.
const minSecret = 4

// without removes secrets from a message that was made by somebody else.
func without(secrets []string, message string) string {
	for _, secret := range secrets {
		if len(secret) < minSecret {
			continue
		}
		message = strings.ReplaceAll(message, secret, redacted)
		escaped := quoted(secret)
		message = strings.ReplaceAll(message, escaped[1:len(escaped)-1], redacted)
	}
	return message
}
