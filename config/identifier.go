package config

const identifierRule = `a name begins with a letter and has up to 64 letters, digits, "_", "." and "-"`

// isIdentifier is for names that become part of metrics, file names and SQL.
func isIdentifier(name string) bool {
	for i, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		other := '0' <= r && r <= '9' || r == '_' || r == '.' || r == '-'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return name != "" && len(name) <= 64
}
