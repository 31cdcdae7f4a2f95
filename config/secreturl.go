package config

import (
	"regexp"
	"strconv"
	"strings"
)

// urlOf is a URL in a text: scheme, user info with its @, host and path, query with its question mark.
var urlOf = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)([^/?#\s]*@)?([^/?#\s]*)([^?#\s]*)(\?[^#\s]*)?`)

// assignment is name=value of a connection string, where the name is one of a secret.
var assignment = regexp.MustCompile(
	`(?i)\b([a-z0-9_.-]*(?:password|passwd|pwd|passphrase|secret|token|credentials?|api[_-]?key|access[_-]?key|private[_-]?key)\s*=\s*)` +
		`('[^']*'|"[^"]*"|[^\s;&,'"]+)`)

// userAndPassword is user:password@ at the beginning of a connection string without a scheme.
var userAndPassword = regexp.MustCompile(`^[^\s:/]+:\S*@`)

// withoutSecrets is a text without what a URL or a connection string in it has at the places of secrets: user info, the
// values of a query, and what is called a password. At an address, such as that of a webhook, the path is one too. What
// consists of references stays: it tells nothing.
func withoutSecrets(text string, s sensitivity) string {
	hidden, restore := referencesAside(text)
	found := false
	hidden = urlOf.ReplaceAllStringFunc(hidden, func(u string) string {
		found = true
		return withoutURLSecrets(urlOf.FindStringSubmatch(u), s)
	})
	hidden = assignment.ReplaceAllStringFunc(hidden, func(match string) string {
		parts := assignment.FindStringSubmatch(match)
		return parts[1] + redactedUnlessReferences(parts[2])
	})
	if s != public && !found {
		hidden = userAndPassword.ReplaceAllString(hidden, redacted+"@")
	}
	if s == address && !found {
		hidden = redactedUnlessReferences(hidden)
	}
	return restore(hidden)
}

func withoutURLSecrets(u []string, s sensitivity) string {
	scheme, user, host, path, query := u[1], u[2], u[3], u[4], u[5]
	if user != "" {
		name, password, both := strings.Cut(strings.TrimSuffix(user, "@"), ":")
		if !both || password == "" || redactedUnlessReferences(password) != password {
			user = redactedUnlessReferences(name)
			if user != name || both && password != "" {
				user = redacted
			}
			user += "@"
		}
	}
	if s == address && strings.Trim(path, "/") != "" {
		path = "/" + redactedUnlessReferences(path[1:])
	}
	if query != "" {
		values := strings.Split(query[1:], "&")
		for i, value := range values {
			if name, v, named := strings.Cut(value, "="); named {
				values[i] = name + "=" + redactedUnlessReferences(v)
			} else {
				values[i] = redactedUnlessReferences(value)
			}
		}
		query = "?" + strings.Join(values, "&")
	}
	return scheme + user + host + path + query
}

// Private characters stand for a reference while a text is searched: it may have a character of a URL in its name.
const asideBegin, asideEnd = "\uE000", "\uE001"

var onlyAside = regexp.MustCompile("^(?:" + asideBegin + `\d+` + asideEnd + ")*$")

func redactedUnlessReferences(text string) string {
	if onlyAside.MatchString(text) {
		return text
	}
	return redacted
}

// referencesAside replaces the references of a text until restore is called.
func referencesAside(text string) (aside string, restore func(string) string) {
	parts, complete := split(text)
	if !complete || strings.Contains(text, "$${") {
		return text, func(t string) string { return t }
	}
	var b strings.Builder
	var pairs []string
	for i, p := range parts {
		if !p.reference {
			b.WriteString(p.text)
			continue
		}
		stand := asideBegin + strconv.Itoa(i) + asideEnd
		b.WriteString(stand)
		pairs = append(pairs, stand, "${"+p.text+"}")
	}
	return b.String(), strings.NewReplacer(pairs...).Replace
}

// secretsIn are the parts of a text that messages must not repeat: those that withoutSecrets leaves out of it.
func secretsIn(text string, s sensitivity) []string {
	if withoutSecrets(text, s) == text {
		return nil
	}
	secrets := []string{text}
	for _, u := range urlOf.FindAllStringSubmatch(text, -1) {
		user := strings.TrimSuffix(u[2], "@")
		_, password, _ := strings.Cut(user, ":")
		secrets = append(secrets, user, password, strings.TrimPrefix(u[5], "?"))
		if s == address {
			secrets = append(secrets, u[4])
		}
		for value := range strings.SplitSeq(strings.TrimPrefix(u[5], "?"), "&") {
			_, value, _ = strings.Cut(value, "=")
			secrets = append(secrets, value)
		}
	}
	for _, a := range assignment.FindAllStringSubmatch(text, -1) {
		secrets = append(secrets, strings.Trim(a[2], `'"`))
	}
	return secrets
}
