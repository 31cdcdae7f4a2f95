package runner

import "testing"

func TestLinesOfWorkerProcessesNameTheirWorker(t *testing.T) {
	for line, want := range map[string]string{
		"panic: no\n":                   "isolated-1: panic: no\n",
		"\n":                            "isolated-1: \n",
		"time=12:00 level=INFO msg=a\n": "time=12:00 level=INFO msg=a worker=isolated-1\n",
		"time=12:00 msg=a worker=isolated-1 task=c\n": "time=12:00 msg=a worker=isolated-1 task=c\n",
		`{"time":"12:00","msg":"a"}` + "\n":           `{"worker":"isolated-1","time":"12:00","msg":"a"}` + "\n",
		`{"msg":"a","worker":"isolated-1"}` + "\n":    `{"msg":"a","worker":"isolated-1"}` + "\n",
		`{"msg":"a"} and more` + "\n":                 `isolated-1: {"msg":"a"} and more` + "\n",
		`{}` + "\n":                                   "isolated-1: {}\n",
	} {
		if got := string(namedLine([]byte(line), "isolated-1")); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}
