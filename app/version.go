package app

import (
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
)

const ergonModule = "github.com/ergon-go/ergon"

type versions struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Ergon    string `json:"ergon"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions of the program, of Ergon and of Go", GroupID: groupLook, Args: arguments(),
		RunE: func(*cobra.Command, []string) error { return p.printVersion() },
	}
}

func (p *program) printVersion() error {
	v := p.version()
	if p.json() {
		return p.printJSON(v)
	}
	rows := [][]cell{cells(v.Name, v.Version)}
	if v.Revision != "" {
		rows = append(rows, cells("revision", v.Revision))
	}
	return p.print(table("", append(rows, cells("ergon", v.Ergon), cells("go", v.Go), cells("platform", v.Platform))))
}

// version is read from what the toolchain wrote into the program.
func (p *program) version() versions {
	v := versions{
		Name: p.settings.Name, Version: p.settings.Version, Ergon: unknownVersion, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if info, ok := p.process.BuildInfo(); ok {
		v.Ergon = moduleVersion(info, ergonModule)
		v.Revision = setting(info, "vcs.revision")
		if setting(info, "vcs.modified") == "true" {
			v.Revision += " (changed)"
		}
		if v.Version == "" {
			v.Version = info.Main.Version
		}
	}
	if v.Version == "" {
		v.Version = unknownVersion
	}
	return v
}

const unknownVersion = "unknown"

func moduleVersion(info *debug.BuildInfo, path string) string {
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		switch {
		case m.Path != path:
		case m.Replace != nil:
			return m.Version + " (replaced)"
		case m.Version != "":
			return m.Version
		}
	}
	return unknownVersion
}

func setting(info *debug.BuildInfo, key string) string {
	i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == key })
	if i < 0 {
		return ""
	}
	return info.Settings[i].Value
}
