// Package dev is the command dev: it runs a program and restarts it when its files change.
package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/process"
)

// lookInterval is how often dev looks for changes. It restarts after an interval without changes.
const lookInterval = 300 * time.Millisecond

// Command are the command dev.
type Command struct {
	Out     *output.Printer
	Configs *configuration.Loader
}

// Cobra is the command.
func (d *Command) Cobra() *cobra.Command {
	return &cobra.Command{
		Use: "dev [task...]", Short: "Run tasks and restart them when the source or the configuration changes", GroupID: command.GroupRun,
		Long: "Run tasks as run does, and restart them when the source or the configuration changes. Without arguments: all tasks.\n\n" +
			"If the working directory has a Go program, dev builds it (go build) and stops the old one gracefully, as SIGTERM does, before it\n" +
			"starts the new one. If the build fails, the old one continues. dev watches the configuration, and Go files, go.mod, go.sum and\n" +
			"YAML files in and below the working directory, except hidden folders and vendor. SIGINT (Ctrl-C) ends it.\n" +
			"The console is at " + devConsole + ", or at the address in ops.listen of the configuration.",
		ValidArgsFunction: d.Configs.CompleteTasks,
		RunE:              func(c *cobra.Command, names []string) error { return d.run(c, names) },
	}
}

func (d *Command) run(c *cobra.Command, names []string) error {
	// The developer can correct an invalid configuration later, but not an unknown task on the command line.
	if configured, err := d.Configs.Load(); err == nil {
		if _, err := configured.Select(names); err != nil {
			return err
		}
	}
	folder, err := os.MkdirTemp("", d.Out.Program+"-dev-")
	if err != nil {
		return fmt.Errorf("create a folder for the build: %w", err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the system tidies up as well
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	ctx, force, stop := d.Out.Process.Signals(c.Context())
	defer stop()
	console := []string{"--" + command.ConsoleFlag + "=" + freeAddress(ctx)}
	dev := developer{
		look:  func() snapshot { return look(".", d.Configs.Path) },
		say:   func(format string, args ...any) { d.Out.Messagef(d.Out.Program+" dev: "+format+"\n", args...) },
		build: func(context.Context) (string, error) { return program, nil },
		start: func(program string) (child, error) {
			return d.startChild(program, slices.Concat(flagsOf(c), console, names), force)
		},
	}
	if sources, _ := filepath.Glob("*.go"); len(sources) > 0 {
		dev.build = func(ctx context.Context) (string, error) {
			dev.say("building")
			return goBuild(ctx, filepath.Join(folder, d.Out.Program))
		}
	}
	return dev.run(ctx)
}

// devConsole is the address of the console if it is free.
const devConsole = "127.0.0.1:9090"

// freeAddress is devConsole or, if that is in use, another free address of this machine. All programs of one dev use the same
// address, so a browser finds the console again.
func freeAddress(ctx context.Context) string {
	for _, address := range []string{devConsole, "127.0.0.1:0"} {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			continue
		}
		_ = listener.Close() // only to see whether the address is free
		return listener.Addr().String()
	}
	return devConsole // the error of the program says what is wrong
}

// flagsOf are the arguments of run: the global flags that c was given.
func flagsOf(c *cobra.Command) []string {
	args := []string{"run"}
	c.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

// goBuild builds the program in the working directory. Its error is the output of go build.
func goBuild(ctx context.Context, program string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, ".").CombinedOutput() //nolint:gosec // the name is our own
	if _, ended := errors.AsType[*exec.ExitError](err); ended && len(out) > 0 {
		return "", errors.New(string(out))
	}
	return program, err
}

// startChild starts program as a child process.
func (d *Command) startChild(program string, args []string, force <-chan struct{}) (child, error) {
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // it is this program, and stopped in order
	cmd.Stdout, cmd.Stderr = d.Out.Process.Stdout, process.Underlying(d.Out.Process.Stderr)
	ownProcessGroup(cmd)
	if err := cmd.Start(); err != nil {
		return child{}, fmt.Errorf("start %s: %w", filepath.Base(program), err)
	}
	ended := make(chan string, 1)
	go func() {
		_ = cmd.Wait()
		ended <- cmd.ProcessState.String()
	}()
	stop := func() string {
		terminate(cmd)
		for {
			select {
			case how := <-ended:
				return how
			case <-force:
				terminate(cmd) // the second signal shortens its shutdown
				force = nil
			}
		}
	}
	return child{ended: ended, stop: stop}, nil
}
