package archtest

import (
	"fmt"
	"strings"
)

// CheckRequirements reports that a go.mod requires more modules directly than it may. A user of the module downloads all of them.
func CheckRequirements(name, goMod string, limit int) []string {
	direct := directRequirements(goMod)
	if len(direct) <= limit {
		return nil
	}
	return []string{fmt.Sprintf("%s requires %d modules directly, more than %d; do without one, or move the code to a separate module: %s",
		name, len(direct), limit, strings.Join(direct, ", "))}
}

// directRequirements returns the paths of the modules that a go.mod requires without the comment "// indirect".
func directRequirements(goMod string) []string {
	var direct []string
	inBlock := false
	for line := range strings.Lines(goMod) {
		required, comment, _ := strings.Cut(strings.TrimSpace(line), "//")
		fields := strings.Fields(required)
		switch {
		case len(fields) == 0:
			continue
		case fields[0] == ")":
			inBlock = false
			continue
		case fields[0] == "require" && len(fields) > 1 && fields[1] == "(":
			inBlock = true
			continue
		case fields[0] == "require":
			fields = fields[1:]
		case !inBlock:
			continue
		}
		if len(fields) == 2 && !strings.HasPrefix(strings.TrimSpace(comment), "indirect") {
			direct = append(direct, fields[0])
		}
	}
	return direct
}
