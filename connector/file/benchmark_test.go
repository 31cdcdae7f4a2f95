package file_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
)

// BenchmarkSource fetches and acknowledges records of about 110 bytes, 100 at a time; an operation is a record.
func BenchmarkSource(b *testing.B) {
	csv := "airport,aircraft,damage,date,operator,state,phase,size,species,time,other,repair,total,speed\n" +
		strings.Repeat("BARKSDALE AIR FORCE BASE ARPT,KC-10A,None,1990-01-09,MILITARY,Louisiana,Approach,Medium,Unknown bird or bat,"+
			"Night,0,0,0,200\r\n", 20_000)
	object := `{"airport":"BARKSDALE AIR FORCE BASE ARPT","damage":"None","date":"1990-01-09","species":"Unknown bird or bat"}`
	for name, content := range map[string]string{
		"x.csv":   csv,
		"x.jsonl": strings.Repeat(object+"\n", 20_000),
		"x.json":  "[" + strings.Repeat(object+",\n", 20_000) + "0]",
	} {
		for _, checkpoint := range []string{"", "checkpoint"} {
			b.Run(fmt.Sprintf("%s/checkpoint=%v", name, checkpoint != ""), func(b *testing.B) {
				dir := b.TempDir()
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					b.Fatal(err)
				}
				s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
				s.Dir, s.Path, s.Checkpoint = dir, name, checkpoint
				b.ReportAllocs()
				b.SetBytes(int64(len(content) / 20_000))
				b.ResetTimer()
				for done := 0; done < b.N; {
					done += readThrough(b, s, b.N-done)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// readThrough opens a source, acknowledges most records of it, at most as many as it has, and returns how many.
func readThrough(b *testing.B, s file.SourceSettings, most int) int {
	b.Helper()
	source, err := file.NewSource(s)
	if err != nil {
		b.Fatal(err)
	}
	if err := source.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	done := 0
	for done < most {
		batch, err := source.FetchTransactions(b.Context(), min(100, most-done))
		if errors.Is(err, ergon.ErrExhausted) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		settlements := make([]capability.Settlement, len(batch))
		for i := range batch {
			settlements[i].Transaction = batch[i]
		}
		if err := source.SettleTransactions(b.Context(), settlements); err != nil {
			b.Fatal(err)
		}
		done += len(batch)
	}
	if err := errors.Join(source.Finish(b.Context()), source.Close(b.Context())); err != nil {
		b.Fatal(err)
	}
	return done
}

// BenchmarkCount counts records without decoding them.
func BenchmarkCount(b *testing.B) {
	dir := b.TempDir()
	content := "a,b\n" + strings.Repeat("BARKSDALE AIR FORCE BASE ARPT,\"Unknown, bird or bat\"\n", 200_000)
	if err := os.WriteFile(filepath.Join(dir, "x.csv"), []byte(content), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
		s.Dir, s.Path = dir, "x.csv"
		source, err := file.NewSource(s)
		if err != nil {
			b.Fatal(err)
		}
		if err := source.Open(b.Context()); err != nil {
			b.Fatal(err)
		}
		if n, err := source.CountTransactions(b.Context()); n != 200_000 || err != nil {
			b.Fatal(n, err)
		}
		if err := source.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
