package archtest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ergon-go/ergon/internal/archtest"
)

func TestProtocolOfTheEngineNamesEveryStateWordAndNumber(t *testing.T) {
	const folder, page = "internal/pipeline", "PROTOCOL.md"
	text, err := os.ReadFile(filepath.Join("..", "pipeline", page))
	if err != nil {
		t.Fatal(err)
	}
	report(t, archtest.CheckProtocol(repository(t), folder+"/"+page, string(text), folder, "internal/attempt", "internal/coalesce",
		"internal/inline"))
}

func TestProtocolThatDiffersFromTheCodeIsReported(t *testing.T) {
	const source = `package till

import ("sync"; "sync/atomic")

const opened = 1
const name = "till"
const (
	first int32 = iota
	second
)

type semaphore chan struct{}

type till struct {
	mu    sync.Mutex
	open  atomic.Bool
	rows  [4]atomic.Int64
	next  atomic.Pointer[till]
	mine  semaphore
	plain int
}
`
	const rows = "| `opened` | 1 |\n| `first` | |\n| `second` | |\n| `till.mu` | |\n| `till.open` | |\n| `till.rows` | |\n" +
		"| `till.next` | |\n| `till.mine` | |\n"
	for name, c := range map[string]struct {
		page string
		want []string
	}{
		"agrees":         {rows, nil},
		"word missing":   {rows[:len(rows)-len("| `till.mine` | |\n")], []string{"till.mine is not in till/PROTOCOL.md"}},
		"number missing": {rows[len("| `opened` | 1 |\n"):], []string{"opened is not in till/PROTOCOL.md"}},
		"gone":           {rows + "| `till.gone` | |\n", []string{"has a row for till.gone, which is not in the code"}},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fixture(t, map[string]string{"till/a.go": source, "till/a_test.go": "package till\n\nconst ofATest = 1\n"})
			expect(t, archtest.CheckProtocol(tree, "till/PROTOCOL.md", c.page, "till"), c.want...)
		})
	}
}
