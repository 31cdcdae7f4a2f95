// Package version reads the versions of a program from what the Go toolchain wrote into it.
package version

import (
	"runtime"
	"runtime/debug"
	"slices"
)

const ergonModule = "github.com/ergon-go/ergon"

// Info is the versions of a program.
type Info struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Ergon    string `json:"ergon"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Of reads the versions from the build information of the program.
func Of(name, version string, build func() (*debug.BuildInfo, bool)) Info {
	v := Info{
		Name: name, Version: version, Ergon: unknownVersion, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if info, ok := build(); ok {
		v.Ergon = moduleVersion(info, ergonModule)
		v.Revision = Setting(info, "vcs.revision")
		if Setting(info, "vcs.modified") == "true" {
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

// Setting is a setting of the build; "" if it is not recorded.
func Setting(info *debug.BuildInfo, key string) string {
	i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == key })
	if i < 0 {
		return ""
	}
	return info.Settings[i].Value
}
