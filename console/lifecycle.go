package console

import (
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/policy"
)

// drawing is the lifecycle of a task's transactions, with the activity in each phase.
type drawing struct {
	Class         string
	Width, Height int
	Nodes         []node
	Edges         []edge
	Ends          []end
}

type node struct {
	X, Y, Width, Height int
	Title               string
	Busy                bool
	Now, Past           string
}

type edge struct {
	Path string
	Bad  bool
}

// end is what transactions come to.
type end struct {
	X, Y        int
	Tone, Label string
	Count       int64
}

// place is where a node lies.
type place struct{ x, y int }

// layout is where everything lies.
type layout struct {
	class         string
	width, height int
	nodeWidth     int
	places        map[policy.Phase]place
	edges         []edge
	ends          place
}

const nodeHeight = 76

// layouts are for what is wider than high, and for a phone.
func layouts() []layout {
	return []layout{
		{
			class: "wide", width: 960, height: 236, nodeWidth: 150,
			places: map[policy.Phase]place{
				policy.PhaseFetch: {8, 20}, policy.PhaseProcess: {210, 20}, policy.PhaseSuccess: {412, 20}, policy.PhaseSettle: {614, 20},
				policy.PhaseException: {311, 150},
			},
			edges: []edge{
				{"M158 58H204", false},
				{"M360 58H406", false},
				{"M562 58H608", false},
				{"M285 96V130Q285 140 295 140H330Q340 140 340 144", true},
				{"M487 96V130Q487 140 477 140H442Q432 140 432 144", true},
				{"M461 188H679Q689 188 689 178V102", true},
				{"M764 58H800", false},
			},
			ends: place{816, 34},
		},
		{
			class: "tall", width: 340, height: 480, nodeWidth: 150,
			places: map[policy.Phase]place{
				policy.PhaseFetch: {8, 8}, policy.PhaseProcess: {8, 124}, policy.PhaseSuccess: {8, 240}, policy.PhaseSettle: {8, 400},
				policy.PhaseException: {182, 240},
			},
			edges: []edge{
				{"M83 84V118", false},
				{"M83 200V234", false},
				{"M83 316V394", false},
				{"M158 162H247Q257 162 257 172V234", true},
				{"M158 278H176", true},
				{"M257 316V428Q257 438 247 438H164", true},
				{"M83 476V504", false},
			},
			ends: place{20, 526},
		},
	}
}

// lifecycle draws a task in every layout.
func lifecycle(t ops.TaskView) []drawing {
	var drawings []drawing
	for _, l := range layouts() {
		drawings = append(drawings, l.draw(t))
	}
	return drawings
}

func (l layout) draw(t ops.TaskView) drawing {
	d := drawing{Class: l.class, Width: l.width, Height: l.height, Edges: l.edges}
	done := map[policy.Phase]ops.PhaseView{}
	for _, p := range t.Phases {
		done[p.Phase] = p
	}
	work := policy.PhaseProcess
	if t.Kind == "producer" {
		work = policy.PhasePrepare
	}
	var busy int64
	for _, n := range t.Active {
		busy += n
	}
	for _, at := range []policy.Phase{
		policy.PhaseFetch, policy.PhaseProcess, policy.PhaseSuccess, policy.PhaseException, policy.PhaseSettle,
	} {
		phase := at
		if at == policy.PhaseProcess {
			phase = work
		}
		n := node{X: l.places[at].x, Y: l.places[at].y, Width: l.nodeWidth, Height: nodeHeight, Title: string(phase)}
		running := t.Active[phase]
		if at == policy.PhaseProcess && t.Kind == "hybrid" {
			n.Title, running = "process, prepare", running+t.Active[policy.PhasePrepare]
		}
		switch at {
		case policy.PhaseFetch:
			n.Now, n.Busy = humanize.Count(max(t.Now.InFlight-busy, 0))+" waiting", t.Now.InFlight > busy
			n.Past = humanize.Count(t.Fetched) + " fetched"
		case policy.PhaseSettle:
			waiting := max(t.Unsettled-t.Now.InFlight, 0)
			n.Now, n.Busy = humanize.Count(waiting)+" waiting", waiting > 0
			n.Past = attempts(done[phase], "batch", "batches")
		default:
			n.Now, n.Busy = humanize.Count(running)+" running", running > 0
			n.Past = attempts(done[phase], "attempt", "attempts")
		}
		d.Nodes = append(d.Nodes, n)
	}
	d.Ends = l.outcomes(t)
	d.Height = max(d.Height, l.ends.y+24*len(d.Ends)-8)
	return d
}

func attempts(p ops.PhaseView, one, many string) string {
	switch p.Count {
	case 0:
		return "none yet"
	case 1:
		return "1 " + one
	default:
		return humanize.Count(p.Count) + " " + many
	}
}

// outcomes are the ends that there were, and those that there are always.
func (l layout) outcomes(t ops.TaskView) []end {
	var ends []end
	for _, o := range []struct{ key, label string }{
		{outcomeSucceeded, outcomeSucceeded},
		{"dead_lettered", "dead-lettered"},
		{outcomeRequeued, outcomeRequeued},
		{"handler_failed", "handler failed"},
		{"discarded", "discarded"},
		{outcomeFailed, outcomeFailed},
		{"redelivered", "redelivered"},
		{"interrupted", "interrupted"},
	} {
		n := t.Outcomes[o.key]
		if n == 0 && len(ends) >= 2 || len(ends) == 4 {
			continue
		}
		ends = append(ends, end{X: l.ends.x, Y: l.ends.y + 24*len(ends), Tone: tone(o.key), Label: o.label, Count: n})
	}
	return ends
}
