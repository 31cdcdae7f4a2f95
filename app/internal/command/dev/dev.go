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

// lookInterval is how often dev looks for changes; a change is acted on once there was none for as long.
const lookInterval = 300 * time.Millisecond

// Command are the command dev.
type Command struct {
	Out     *output.Printer
	Configs *configuration.Loader
}

// Cobra is the command.
func (d *Command) Cobra() *cobra.Command {
	return &cobra.Command{
		Use: "dev [task...]", Short: "Run tasks, and again whenever the source or the configuration changes", GroupID: command.GroupRun,
		Long: "Run tasks as run does, and again whenever the source or the configuration changes; all tasks where none is named.\n\n" +
			"Where the working directory has a Go program, it is built anew (go build) and takes the place of the one that runs, which is\n" +
			"stopped in order, as by SIGTERM. While it cannot be built, the old one goes on. Watched are Go files, go.mod, go.sum and YAML\n" +
			"files in and below the working directory, but for hidden folders and vendor, and the configuration. SIGINT (Ctrl-C) ends it.\n" +
			"The console is served at " + devConsole + ", or where ops.listen of the configuration says.",
		ValidArgsFunction: d.Configs.CompleteTasks,
		RunE:              func(c *cobra.Command, names []string) error { return d.run(c, names) },
	}
}

func (d *Command) run(c *cobra.Command, names []string) error {
	// A configuration that is wrong is for the developer to put right meanwhile; a name on the command line stays.
	if configured, err := d.Configs.Load(); err == nil {
		if _, err := configured.Select(names); err != nil {
			return err
		}
	}
	folder, err := os.MkdirTemp("", d.Out.Program+"-dev-")
	if err != nil {
		return fmt.Errorf("make a folder to build in: %w", err)
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

// devConsole is where dev serves the console, unless something listens there already.
const devConsole = "127.0.0.1:9090"

// freeAddress is devConsole, or else another address of this machine that was free a moment ago. It stays the same from one
// program to the next, so that a browser finds the console again.
func freeAddress(ctx context.Context) string {
	for _, address := range []string{devConsole, "127.0.0.1:0"} {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			continue
		}
		_ = listener.Close() // it was listened on to see whether that is possible
		return listener.Addr().String()
	}
	return devConsole // whose error then says what is wrong
}

// flagsOf are the flags that c was given and run has too.
func flagsOf(c *cobra.Command) []string {
	args := []string{"run"}
	c.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

// goBuild builds the program in the working directory. Its error is what go says.
func goBuild(ctx context.Context, program string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, ".").CombinedOutput() //nolint:gosec // the name is our own
	if _, ended := errors.AsType[*exec.ExitError](err); ended && len(out) > 0 {
		return "", errors.New(string(out))
	}
	return program, err
}

// startChild starts program beside this one.
func (d *Command) startChild(program string, args []string, force <-chan struct{}) (child, error) {
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // it is this program, and stopped in order
	cmd.Stdout, cmd.Stderr = d.Out.Process.Stdout, process.Underlying(d.Out.Process.Stderr)
	apart(cmd)
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
				terminate(cmd) // the second signal cuts its shutdown short
				force = nil
			}
		}
	}
	return child{ended: ended, stop: stop}, nil
}
