package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/config"
)

// [C1]
func TestReferencesAreReplaced(t *testing.T) {
	for yaml, want := range map[string]string{
		`"${OUT}"`:                   "out",
		`'${OUT}'`:                   "out",
		`"a ${OUT}/${PORT} b"`:       "a out/17 b",
		`"${OUT:-other}"`:            "out",
		`"${NOPE:-other: [1]}"`:      "other: [1]",
		`"${EMPTY:-other}"`:          "other",
		`"${EMPTY}"`:                 "",
		`"${NOPE:-}"`:                "",
		`"${file:secrets/password}"`: "hunter4",
		`"$${OUT}"`:                  "${OUT}",
		`"$$${OUT}"`:                 "$${OUT}",
		`"$OUT $ {OUT} 5$"`:          "$OUT $ {OUT} 5$",
		`"${REFERENCE}"`:             "${OUT}", // what comes in is not looked at again
		`"${file:-x}"`:               "x",      // a variable of that name
	} {
		if got := settings(t, "text: "+yaml); got.Text != want {
			t.Errorf("text: %s is %q, want %q", yaml, got.Text, want)
		}
	}
}

// [C1]
func TestReferencedValueIsTypedByWhatItIsFor(t *testing.T) {
	got := settings(t, `text: "${PORT}", whole: "${PORT}", ratio: "${PORT}", truth: "${YES}", wait: "${WAIT}", optional: "1${PORT}", `+
		`labels: {port: "${PORT}", null: "${NULL}"}`)
	if got.Text != "17" || got.Whole != 17 || got.Ratio != 17 || !got.Truth || got.Wait != 250*time.Millisecond || *got.Optional != 117 {
		t.Errorf("settings = %+v", got)
	}
	if want := map[string]string{"port": "17", "null": "null"}; !cmp.Equal(want, got.Labels) {
		t.Errorf("labels = %q, want %q", got.Labels, want)
	}
	c := parse(t, task("    services:\n      all:\n        type: everything\n        any: [\n"+
		"          17, \"17\"]\n        labels:\n          list: ${LIST}\n"))
	made, err := c.Tasks[0].Services["all"].New()
	if err != nil {
		t.Fatal(err)
	}
	if got := made.(everything); got.Labels["list"] != "[1, 2]" || !cmp.Equal(got.Any, []any{17, "17"}) {
		t.Errorf("settings = %+v, want a value not to make structure", got)
	}
}

func TestAnythingTakesTheTypeThatItLooksLike(t *testing.T) {
	got := settings(t, `any: {a: 1, b: 1.5, c: true, d: x, e: "1", f: [~, 2001-01-01], g: 99999999999999999999, h: "${PORT}"}`).Any
	want := map[string]any{"a": 1, "b": 1.5, "c": true, "d": "x", "e": "1", "f": []any{nil, "2001-01-01"}, "g": 1e20, "h": "17"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("any (-want +got):\n%s", diff)
	}
}

// [C1]
func TestReferenceThatCannotBeReplacedIsAFault(t *testing.T) {
	checkFaults(t, map[string]faulty{
		"two that are not set": inService(`text: "${NOPE} and ${ALSO_NOT}"`,
			"f:4:46: S.text: uses ${NOPE}, which is not set; set the environment variable, or give a default: ${NOPE:-…}\n"+
				"f:4:46: S.text: uses ${ALSO_NOT}, which is not set; set the environment variable, or give a default: ${ALSO_NOT:-…}"),
		"open": inService(`text: "${OUT"`, "f:4:46: S.text: has a ${ without its }; write $${ for a literal ${"),
		"no name": inService(`text: "${1}"`,
			"f:4:46: S.text: has ${1}, which is not a reference; "+
				"write ${NAME}, ${NAME:-default} or ${file:path}, or $${ for a literal ${"),
		"nested": inService(`text: "${OUT:-${PORT}}"`,
			"f:4:46: S.text: has a reference in the default of ${OUT}; a default is plain text"),
		"no such file": inService(`text: "${file:nope}"`, "f:4:46: S.text: uses ${file:nope}: no such file"),
		"no path":      inService(`text: "${file:}"`, "f:4:46: S.text: has ${file:} without a path; write ${file:path}"),
		"not UTF-8":    inService(`text: "${LATIN}"`, "f:4:46: S.text: is not UTF-8 in ${LATIN}; encode it, for example in base64"),
		"wrong type":   inService(`whole: "${OUT}"`, `f:4:47: S.whole: is "out", must be a whole number`),
		"empty":        inService(`whole: "${EMPTY}"`, "f:4:47: S.whole: is empty, must be a whole number"),
		"null":         inService(`whole: "${NULL}"`, `f:4:47: S.whole: is "null", must be a whole number`),
		"list":         inService(`names: "${LIST}"`, `f:4:47: S.names: is "${LIST}", must be a list`),
		"secret":       inService(`whole: "${API_TOKEN}"`, "f:4:47: S.whole: is a value that is not shown, must be a whole number"),
		"secret wait": inService(`wait: "${file:secrets/password}"`,
			"f:4:46: S.wait: is a value that is not shown, must be a duration such as 250ms or 1m30s"),
		"secret address": inService(`address: "${API_TOKEN}"`, "f:4:49: S.address: is a value that is not shown and not valid"),
		"URL in the wrong place": inService(`whole: "${NOPE:-postgres://u:hunter2@db}"`,
			`f:4:47: S.whole: is "postgres://[redacted]@db", must be a whole number`),
		"argument":  inService(`argv: {a: hunter2}`, `f:4:40: S.argv: is a mapping, must be a list`),
		"arguments": inService(`argv: hunter2`, `f:4:46: S.argv: is a value that is not shown, must be a list`),
		"variable":  inService(`env: {A: [hunter3]}`, `f:4:46: S.env.A: is a list, must be text`),
		"literal secret": inService(`nested: {password: {a: hunter5}, tokens: hunter6}`,
			"f:4:49: S.nested.password: is a mapping, must be text\nf:4:81: S.nested.tokens: is a value that is not shown, must be a list"),
	})
}

func TestEnvironmentWithNothingSaysSo(t *testing.T) {
	_, err := config.Parse("f", []byte(task("    consumer: {fetch: {connector: \"${A}${file:b}\"}}\n")), registry(), config.Environment{})
	const want = "f:4:35: tasks.birdstrikes.triage.consumer.fetch.connector: uses ${A}, which is not set; set the environment variable, " +
		"or give a default: ${A:-…}\nf:4:35: tasks.birdstrikes.triage.consumer.fetch.connector: uses ${file:b}, but files cannot be " +
		"read here; use an environment variable"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// leaky shows in its faults what it was given.
type leaky struct {
	Password string `yaml:"password"`
	Kind     string `yaml:"kind"`
}

func (l leaky) Validate() error { return fmt.Errorf("the %s %q is too short", l.Kind, l.Password) }

func TestSecretInTheWrongPlaceDoesNotShow(t *testing.T) {
	checkFaults(t, map[string]faulty{
		"type": inTask(`services: {s: {type: "${API_TOKEN}"}}`,
			`f:4:26: T.services.s.type: unknown service type "[redacted]"; known service types: everything`),
		"task": inTask(`task: "${API_TOKEN}"`, `f:4:11: T.task: unknown task "[redacted]"; known tasks: birdstrikes.triage`),
		"fetch": inTask(`consumer: {fetch: {connector: "${API_TOKEN}"}}`, `f:4:35: T.consumer.fetch.connector: unknown connector `+
			`"[redacted]"; known connectors: input, dead_letters; add it, or name the connector to fetch from`),
	})
}

func TestSecretDoesNotShowInFaultsThatOthersWrite(t *testing.T) {
	reg := registry()
	config.Service(reg, "leaky", "", leaky{}, identity[leaky])
	for _, password := range []string{`hunter5`, `"${file:secrets/password}"`, `"${API_TOKEN}"`, `"hun\"ter7"`} {
		_, err := config.Parse("f", []byte(task("    services: {l: {type: leaky, kind: key, password: "+password+"}}\n")), reg, environment())
		const want = `f:4:16: tasks.birdstrikes.triage.services.l: the key "[redacted]" is too short`
		if err == nil || err.Error() != want {
			t.Errorf("password %s: got\n%v\nwant\n%s", password, err, want)
		}
		if strings.Contains(err.Error(), "hun") {
			t.Errorf("the password is in %v", err)
		}
	}
}
