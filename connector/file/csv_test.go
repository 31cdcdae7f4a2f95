package file_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/connector/file"
)

func TestCSVRecordsAreObjectsWithTheColumnsInOrder(t *testing.T) {
	s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
	s.Dir, s.Path = "testdata", "airports.csv"
	s.Numbers, s.Booleans = []string{"elevation"}, []string{"open"}
	wantLines(t, all(t, open(t, newSource(t, s))), []string{
		`airports.csv:2 {"code":"CDG","name":"Paris, Charles de Gaulle","elevation":119,"open":true,"note":"\"Roissy\""}`,
		`airports.csv:3 {"code":"LEJ","name":"Leipzig/Halle","elevation":143,"open":true,"note":"first line\nsecond line"}`,
		`airports.csv:5 {"code":"DEN","name":"Denver","elevation":1656,"open":null,"note":""}`,
		`airports.csv:6 {"code":"ATL","name":"Atlanta","elevation":null,"open":false,"note":"busy"}`,
	})
}

func TestCSVTakesByteOrderMarkCarriageReturnsAndBlankLinesAsTheyCome(t *testing.T) {
	content := "\xef\xbb\xbfa,b\r\n1,2\r\n\r\n\"x\r\ny\",\"4\"\r\n\n5,6"
	wantLines(t, all(t, open(t, sourceOf(t, "x.csv", content))), []string{
		`x.csv:2 {"a":"1","b":"2"}`,
		`x.csv:4 {"a":"x\ny","b":"4"}`,
		`x.csv:7 {"a":"5","b":"6"}`,
	})
}

func TestCSVSeparatorAndNameCanBeChosen(t *testing.T) {
	source := sourceOf(t, "data/x.csv", "a;b\n1,5;2\n", func(s *file.SourceSettings) { s.Comma, s.Name = ";", "prices" })
	wantLines(t, all(t, open(t, source)), []string{`prices:2 {"a":"1,5","b":"2"}`})
}

func TestMalformedCSVRecordNamesItsLineAndTheRunGoesOn(t *testing.T) {
	content := strings.Join([]string{
		`id,count,flag`,
		`1,1`,
		`2,1,true,x`,
		`3,one,true`,
		`4,1,maybe`,
		`5,bare "quote",true`,
		`"6"x,1,true`,
		"7\xff,1,true",
		`8,007,true`,
		`9,1,true`,
		`"10,1,true`,
		`11,1,true`,
	}, "\n")
	source := sourceOf(t, "dir/x.csv", content, func(s *file.SourceSettings) {
		s.Numbers, s.Booleans = []string{"count"}, []string{"flag"}
	})
	batch, err := drain(t, open(t, source))
	wantError(t, err, "dir/x.csv:11: the quote that begins a field on line 11 takes the lines after it into the field")
	wantLines(t, shown(batch), []string{
		`x.csv:2 malformed: dir/x.csv:2: has 2 columns, the header has 3`,
		`x.csv:3 malformed: dir/x.csv:3: has 4 columns, the header has 3`,
		`x.csv:4 malformed: dir/x.csv:4: column "count" is not a number; correct it, or remove the column from numbers`,
		`x.csv:5 malformed: dir/x.csv:5: column "flag" is not true or false; correct it, or remove the column from booleans`,
		`x.csv:6 malformed: dir/x.csv:6: a field that does not begin with a quote has one in it; ` +
			`put the whole field in quotes and double those in it`,
		`x.csv:7 malformed: dir/x.csv:7: a quoted field continues after its closing quote; double the quotes that belong to its text`,
		`x.csv:8 malformed: dir/x.csv:8: is not valid UTF-8 in column "id"; convert the file to UTF-8, for example with iconv`,
		`x.csv:9 malformed: dir/x.csv:9: column "count" is not a number; correct it, or remove the column from numbers`,
		`x.csv:10 {"id":"9","count":1,"flag":true}`,
		`x.csv:11 malformed: dir/x.csv:11: the quote that begins a field on line 11 takes the lines after it into the field: ` +
			`a quoted field in it is not closed by the end of the file; ` +
			`close it, or double the quotes that belong to its text`,
	})
}

func TestMalformedRecordKeepsItsBeginningAndEncodesForTheDeadLetter(t *testing.T) {
	long := strings.Repeat("é", 2000)
	for name, test := range map[string]struct{ content, raw string }{
		"text":   {"a,b\nonly one\n", `"only one"`},
		"binary": {"a,b\n\xff\x00\n", `{"base64":"/wA="}`},
		"long":   {"a,b\nx" + long + "\n", `"x` + long[:1022] + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			batch := fetch(t, open(t, sourceOf(t, "x.csv", test.content)), 10)
			malformed, ok := batch[0].Payload().(file.Malformed)
			if !ok {
				t.Fatalf("the payload is %T", batch[0].Payload())
			}
			if malformed.Place != "x.csv:2" {
				t.Errorf("place %q", malformed.Place)
			}
			var got struct {
				Place   string          `json:"place"`
				Problem string          `json:"problem"`
				Raw     json.RawMessage `json:"raw"`
			}
			data, err := json.Marshal(malformed)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatal(err)
			}
			if string(got.Raw) != test.raw || got.Place != "x.csv:2" || got.Problem != malformed.Problem {
				t.Errorf("encoded as %s", data)
			}
		})
	}
}

func TestNumbersAreDeliveredAsTheyAreWritten(t *testing.T) {
	for value, want := range map[string]string{
		"1": `1`, "-0.5e+10": `-0.5e+10`, "": `null`, "123456789012345678901234567890": `123456789012345678901234567890`,
		"+1": "", "1.": "", ".5": "", "0x1": "", "1 2": "", " 1": "", "NaN": "", "1e": "", "-": "", "1,2": "", "true": "",
	} {
		content := "n,x\n\"" + value + "\",y\n"
		got := all(t, open(t, sourceOf(t, "x.csv", content, func(s *file.SourceSettings) { s.Numbers = []string{"n"} })))
		if want == "" {
			if !strings.Contains(got[0], `malformed: x.csv:2: column "n" is not a number`) {
				t.Errorf("%q was delivered as %s", value, got)
			}
			continue
		}
		wantLines(t, got, []string{`x.csv:2 {"n":` + want + `,"x":"y"}`})
	}
}

func TestHeaderWithFaultsIsRefusedNamingEach(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		want    []string
	}{
		"double":      {"a,b,a,c,c\n", []string{`x.csv:1: columns 1 and 3 of the header are both called "a"`, `columns 4 and 5`}},
		"empty name":  {"a,,c,\n", []string{`x.csv:1: column 2 of the header has no name`, `column 4 of the header has no name`}},
		"bare quote":  {"a,b\"c\n", []string{`x.csv:1: the header a field`}},
		"not utf-8":   {"a,\xe9\n", []string{`x.csv:1: the header is not valid UTF-8`}},
		"cr only":     {"a,b\r1,2\r3,4", []string{`x.csv:1: the header has a carriage return in it`}},
		"utf-16":      {"\xff\xfea\x00,\x00", []string{`x.csv: is UTF-16; convert it to UTF-8`}},
		"empty":       {"", []string{`x.csv: is empty, must begin with a header`}},
		"only a mark": {"\xef\xbb\xbf", []string{`x.csv: is empty, must begin with a header`}},
		"blank lines": {"\n\r\n\n", []string{`x.csv: is empty, must begin with a header`}},
		"too long":    {strings.Repeat("a", 300), []string{`x.csv:1: the header is longer than 100 bytes (max_record_bytes)`}},
		"missing type": {"a,b\n", []string{
			`numbers names the column "n", which is not in the header; the header has ["a" "b"]`, `booleans names the column "f"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			source := sourceOf(t, "x.csv", test.content, func(s *file.SourceSettings) {
				s.MaxRecordBytes = 100
				if name == "missing type" {
					s.Numbers, s.Booleans = []string{"n"}, []string{"f"}
				}
			})
			wantError(t, source.Open(t.Context()), append(test.want, "file source: ")...)
		})
	}
}
