package main_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/config"
	program "github.com/ergon-go/ergon/examples/invoicing"
	"github.com/ergon-go/ergon/runner"
)

func TestEachOrderBecomesAnInvoiceOrADeadLetter(t *testing.T) {
	configuration, orders := read(t, "ergon.yaml"), read(t, "orders.csv")
	t.Chdir(t.TempDir())
	if err := os.WriteFile("orders.csv", orders, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("ergon.yaml", configuration, program.Registry(), config.OSEnvironment("."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runner.RunTask(t.Context(), c.Tasks[0], runner.Settings{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"order":"A-1001","total_cents":155880}`, `{"order":"A-1002","total_cents":5400}`, `{"order":"A-1004","total_cents":10020}`,
	}
	if got := lines(t, "out/invoices.jsonl"); !slices.Equal(got, want) {
		t.Errorf("invoices are\n%s\nwant\n%s", got, want)
	}
	dead := lines(t, "out/dead-letters.jsonl")
	if len(dead) != 2 {
		t.Fatalf("dead letters are\n%s\nwant those of the lines 4 and 6", dead)
	}
	for i, want := range []string{`"message":"the net amount is -700 cents"`, `column \"net_cents\" is not a number`} {
		if !strings.Contains(dead[i], want) {
			t.Errorf("dead letter is %s, want one that says %s", dead[i], want)
		}
	}
}

// What a reader of README.md sees compiles and runs: it is this program.
func TestReadmeShowsThisProgram(t *testing.T) {
	readme := read(t, "../../README.md")
	for _, name := range []string{"invoicing.go", "main.go", "ergon.yaml"} {
		language := strings.TrimPrefix(filepath.Ext(name), ".")
		if !bytes.Contains(readme, []byte("```"+language+"\n"+string(read(t, name))+"```\n")) {
			t.Errorf("README.md does not show %s as it is", name)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// lines returns the sorted lines of a file: transactions end in any order.
func lines(t *testing.T, name string) []string {
	t.Helper()
	return slices.Sorted(strings.SplitSeq(strings.TrimSuffix(string(read(t, name)), "\n"), "\n"))
}
