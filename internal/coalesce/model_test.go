package coalesce_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// action is what a connector does with the first call that a caller is the first of; later ones it stores.
type action int

const (
	stores   action = iota
	failsOne        // a *BatchError for the item in the middle
	failsAll        // any other error
	panics
	respects // hangs until its context ends, at most for hangs, and fails
	ignores  // hangs for hangs whatever its context says, and stores
	actions
)

const hangs = time.Second

// ending is what a caller does after its patience.
type ending int

const (
	stays ending = iota
	leaves
	givesUp // its attempt is given up; its context continues
	endings
)

// caller is one dispatch of a scenario.
type caller struct {
	at, patience time.Duration
	size         int
	action       action
	ending       ending
}

// scenario is what a coalescer is asked to do: some dispatches, and a flush from flushAt that waits for flushLimit.
type scenario struct {
	batch               policy.ProducerBatch
	callers             []caller
	flushAt, flushLimit time.Duration
}

// callTime is how long a call takes that does not hang. Each caller's is another, so that no two things happen at the same time.
func callTime(first int) time.Duration {
	return 50*time.Millisecond + time.Duration(first)*137*time.Microsecond
}

func itemsOf(of, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%d/%d", of, i)
	}
	return ids
}

// observed is what can be seen of a scenario: when which call was made, and what each caller was told, and heard, when.
type observed struct {
	calls   []string
	told    []string // by caller
	flushed string
}

func (o observed) equals(other observed) bool {
	return slices.Equal(o.calls, other.calls) && slices.Equal(o.told, other.told) && o.flushed == other.flushed
}

// model is a coalescer by its specification: one event after the other, without a lock, a goroutine or a timer.
type model struct {
	scenario

	now       time.Duration
	events    []event
	ambiguous bool // two events at one time

	waiting                   []int
	joinable, hanging, direct int
	led                       []bool
	fenced                    []bool
	callOf                    []*modelCall // a call that a caller waits for
	result                    observed
}

type event struct {
	at time.Duration
	do func()
}

type modelCall struct {
	callers   []int
	action    action
	joined    bool // made for several, or for one that waited
	counted   *int // in which number it counts
	abandoned []bool
	over      bool
}

func predict(s scenario) observed {
	n := len(s.callers)
	m := &model{
		scenario: s, led: make([]bool, n), fenced: make([]bool, n), callOf: make([]*modelCall, n),
		result: observed{told: make([]string, n), flushed: "never"},
	}
	for i, c := range s.callers {
		m.in(c.at, func() { m.arrive(i) })
		switch c.ending {
		case leaves:
			m.in(c.at+c.patience, func() { m.leave(i) })
		case givesUp:
			m.in(c.at+c.patience, func() { m.fenced[i] = true })
		default:
		}
	}
	m.in(s.flushAt, func() {
		m.result.flushed = "waits"
		m.lookWhetherIdle()
	})
	m.in(s.flushAt+s.flushLimit, func() {
		if m.result.flushed == "waits" {
			m.result.flushed = "given up"
		}
	})
	for len(m.events) > 0 {
		next := m.events[0]
		m.events = m.events[1:]
		m.ambiguous = m.ambiguous || next.at == m.now
		m.now = next.at
		next.do()
	}
	if m.ambiguous {
		panic(fmt.Sprintf("two things happen at once in %+v", s))
	}
	slices.Sort(m.result.calls)
	return m.result
}

// in has something happen at a time from the beginning. What is over when it comes must do nothing, but takes its time all the same.
func (m *model) in(at time.Duration, do func()) {
	i, _ := slices.BinarySearchFunc(m.events, at, func(e event, at time.Duration) int { return int(e.at - at) })
	m.events = slices.Insert(m.events, i, event{at, do})
}

func (m *model) arrive(i int) {
	size := m.callers[i].size
	switch {
	case m.batch.Size <= 1 || size >= m.batch.Size:
		m.call([]int{i}, false, &m.direct)
	case m.joinable == 0 && len(m.waiting) == 0:
		m.call([]int{i}, false, &m.joinable)
	default:
		m.waiting = append(m.waiting, i)
		if m.queued() >= m.batch.Size {
			m.send()
		}
		if slices.Contains(m.waiting, i) {
			m.in(m.now+m.batch.Interval, func() {
				for slices.Contains(m.waiting, i) {
					m.send()
				}
			})
		}
	}
}

func (m *model) queued() (n int) {
	for _, i := range m.waiting {
		n += m.callers[i].size
	}
	return n
}

// send makes a call of the oldest that fit, without those that were given up.
func (m *model) send() {
	var call []int
	size := 0
	for len(m.waiting) > 0 {
		i := m.waiting[0]
		if !m.fenced[i] && len(call) > 0 && size+m.callers[i].size > m.batch.Size {
			break
		}
		m.waiting = m.waiting[1:]
		if m.fenced[i] {
			m.tell(i, "fenced", nil)
			continue
		}
		call, size = append(call, i), size+m.callers[i].size
	}
	if len(call) > 0 {
		m.call(call, true, &m.joinable)
	}
	m.lookWhetherIdle()
}

func (m *model) call(callers []int, joined bool, counted *int) {
	first := callers[0]
	c := &modelCall{callers: callers, joined: joined, counted: counted, abandoned: make([]bool, len(m.callers))}
	if !m.led[first] {
		m.led[first], c.action = true, m.callers[first].action
	}
	*counted++
	var ids []string
	for _, i := range callers {
		ids = append(ids, itemsOf(i, m.callers[i].size)...)
		m.callOf[i] = c
	}
	m.result.calls = append(m.result.calls, fmt.Sprint(m.now, " ", strings.Join(ids, " ")))
	takes := callTime(first)
	if c.action == respects || c.action == ignores {
		takes = hangs + time.Duration(first)*time.Microsecond
	}
	m.in(m.now+takes, func() { m.end(c) })
}

// leave is the end of a caller's context. A call on its own goroutine keeps it, one that respects excepted.
func (m *model) leave(i int) {
	c := m.callOf[i]
	if at := slices.Index(m.waiting, i); at >= 0 {
		m.waiting = slices.Delete(m.waiting, at, at+1)
		m.tell(i, "left", nil)
		m.lookWhetherIdle()
		return
	}
	switch {
	case c == nil || c.over || m.result.told[i] != "":
	case !c.joined && c.action == respects:
		m.end(c)
	case !c.joined:
	default:
		m.tell(i, "left", nil)
		c.abandoned[i] = true
		if slices.ContainsFunc(c.callers, func(i int) bool { return !c.abandoned[i] }) {
			return
		}
		m.joinable--
		m.hanging++
		c.counted = &m.hanging
		m.send()
		if c.action == respects {
			m.end(c)
		}
	}
}

func (m *model) end(c *modelCall) {
	if c.over {
		return
	}
	c.over = true
	*c.counted--
	total, first := 0, 0
	for _, i := range c.callers {
		total += m.callers[i].size
	}
	for _, i := range c.callers {
		size := m.callers[i].size
		if !c.abandoned[i] {
			m.conclude(c, i, total/2-first)
		}
		first += size
	}
	if c.counted == &m.joinable || c.counted == &m.hanging {
		m.send()
	}
	m.lookWhetherIdle()
}

// conclude tells caller i of a call in which, of its own items, bad is the one that fails with failsOne.
func (m *model) conclude(c *modelCall, i, bad int) {
	own := itemsOf(i, m.callers[i].size)
	switch c.action {
	case stores, ignores:
		m.tell(i, "stored", own)
		return
	case failsOne:
		if bad >= 0 && bad < len(own) {
			m.tell(i, fmt.Sprint("failed ", bad), slices.Delete(own, bad, bad+1))
			return
		}
		m.tell(i, "stored", own)
		return
	default:
	}
	crashed := c.action == panics
	switch {
	case c.joined && (len(c.callers) > 1 || crashed):
		if m.fenced[i] {
			m.tell(i, "fenced", nil)
			return
		}
		m.call([]int{i}, false, &m.direct)
	case c.joined || c.action == respects:
		m.tell(i, "error", nil)
	case crashed:
		m.tell(i, "panic", own)
	default:
		m.tell(i, "error", own)
	}
}

func (m *model) tell(i int, what string, heard []string) {
	if m.result.told[i] != "" {
		panic("the model tells twice")
	}
	m.result.told[i] = fmt.Sprint(m.now, " ", what, " ", heard)
}

func (m *model) lookWhetherIdle() {
	if m.result.flushed == "waits" && m.joinable+m.hanging+m.direct+len(m.waiting) == 0 {
		m.result.flushed = m.now.String()
	}
}
