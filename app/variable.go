package app

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Variable is a variable of the configuration, ${Name}, that users can set. Its value is the first of these that is set: the flag,
// which may be empty; the environment variable of that name; Default.
type Variable struct {
	// Name is the name of the variable: "OUT".
	Name string
	// Flag is the name of the flag, without dashes: "out". Default: none, only the environment sets it.
	Flag string
	// Default is the value without either. If it is empty as well, ${Name} is a fault and ${Name:-x} is x.
	Default string
	// Usage describes the flag, in its help.
	Usage string
}

// addVariables gives every command the flags of the variables.
func (p *program) addVariables(root *cobra.Command) error {
	taken := map[string]bool{"help": true, "version": true}
	walk(root, func(c *cobra.Command) {
		take := func(f *pflag.Flag) { taken[f.Name] = true }
		c.LocalFlags().VisitAll(take)
		c.PersistentFlags().VisitAll(take)
	})
	for _, v := range p.settings.Variables {
		if v.Flag == "" {
			continue
		}
		if taken[v.Flag] {
			return fmt.Errorf("app.Settings.Variables: %s has the flag --%s, which is there already; give it another name", v.Name, v.Flag)
		}
		taken[v.Flag] = true
		root.PersistentFlags().String(v.Flag, v.Default, v.Usage+" (variable "+v.Name+")")
	}
	p.flags = root.PersistentFlags()
	return nil
}

func walk(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		walk(sub, visit)
	}
}

// lookup is the environment for the variables of a configuration.
func (p *program) lookup(name string) (string, bool) {
	for _, v := range p.settings.Variables {
		if v.Name != name {
			continue
		}
		if v.Flag != "" {
			if flag := p.flags.Lookup(v.Flag); flag.Changed {
				return flag.Value.String(), true
			}
		}
		if value, set := p.out.Process.LookupEnv(name); set {
			return value, true
		}
		return v.Default, v.Default != ""
	}
	return p.out.Process.LookupEnv(name)
}

// epilogue is the text of Settings.Epilogue.
func (p *program) epilogue() string {
	var b strings.Builder
	p.settings.Epilogue(&b, func(name string) string {
		value, _ := p.lookup(name)
		return value
	})
	return b.String()
}
