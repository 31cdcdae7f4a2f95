package pipeline_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// This file is a model of in-order settlement [K2] and revocation [K3], apart from the engine: one partition of a broker that checks
// nothing but generations of calls that were left behind, and a loop with four workers that keeps the rules that the engine keeps. Time is
// a number of milliseconds. The model shows that the rules are enough, and which of them are needed.

// modelRules are the rules that a test can take out.
type modelRules struct {
	blockBehindDropped bool // nothing behind a dropped delivery is settled
	filterFetches      bool // a revocation also drops what a fetch brings that begins before it returns
	letterInTurn       bool // a dead letter is durable before its position is passed
}

var soundRules = modelRules{blockBehindDropped: true, filterFetches: true, letterInTurn: true}

type modelState int

const (
	modelQueued modelState = iota
	modelRunning
	modelHeld // for a backoff, or a requeue in place
	modelEnded
	modelSettling
	modelDropped // by a revocation or the shutdown
	modelFenced
)

type modelDelivery struct {
	position, generation int
	state                modelState
	dead, hops           bool
}

// ending reports whether the delivery may still be settled without anything new being started.
func (d *modelDelivery) ending() bool {
	return d.state == modelRunning || d.state == modelEnded || d.state == modelSettling
}

// inOrderModel is one run: broker and loop.
type inOrderModel struct {
	rules  modelRules
	random *rand.Rand
	now    int
	events []modelEvent // a heap would be faster, and nothing else
	fault  string       // the first that was seen

	// The broker.
	total, floor, next, generation int
	outputs, letters               map[int]int
	settledOnly                    map[[2]int]bool // ended, by generation and position

	// The loop.
	window             []*modelDelivery
	held               int // workers that are busy, hanging handlers included
	fetching, settling bool
	filters            []int // generations whose revocation was in progress since the fetch in progress began
	stopping           bool
	revoking           int // revocations in progress
	process            int // grows with each shutdown
	returned           int // the highest generation whose revocation has returned
	notEnded           int // the highest generation of which a call was left behind
	changed            []func()
}

type modelEvent struct {
	at int
	do func()
}

func (m *inOrderModel) after(d int, do func()) {
	at := m.now + d
	i, _ := slices.BinarySearchFunc(m.events, at+1, func(e modelEvent, at int) int { return cmp.Compare(e.at, at) })
	m.events = slices.Insert(m.events, i, modelEvent{at, do})
}

func (m *inOrderModel) chance(n int) bool { return m.random.IntN(n) == 0 }
func (m *inOrderModel) upTo(n int) int    { return m.random.IntN(n + 1) }
func (m *inOrderModel) wrong(what string) {
	m.fault = cmp.Or(m.fault, fmt.Sprintf("at %d ms: %s", m.now, what))
}
func (m *inOrderModel) hops(position int) bool { return position%5 == 0 }

// run runs until everything is settled. It returns the first fault.
func (m *inOrderModel) run() string {
	const calm, end = 4_000, 60_000
	for range 5 {
		m.after(m.upTo(calm), func() {
			switch {
			case m.chance(4):
				m.shutDown()
			case m.chance(3):
				m.lost()
			default:
				m.revoke(m.upTo(400))
			}
		})
	}
	m.look()
	for len(m.events) > 0 && m.now < end && m.fault == "" && m.floor < m.total {
		e := m.events[0]
		m.events = m.events[1:]
		m.now = e.at
		e.do()
		m.look()
	}
	if m.fault == "" && m.floor < m.total {
		m.wrong(fmt.Sprintf("it stands still at %d of %d", m.floor, m.total))
	}
	for p := range m.total {
		if m.fault == "" && m.hops(p) && m.outputs[p]+m.letters[p] == 0 {
			m.wrong(fmt.Sprintf("the output of %d is missing", p))
		}
		if m.outputs[p] > 1 {
			m.wrong(fmt.Sprintf("%d has its outputs %d times, although they are written with its settlement", p, m.outputs[p]))
		}
	}
	return m.fault
}

// look does whatever can be done now.
func (m *inOrderModel) look() {
	for _, look := range slices.Clone(m.changed) {
		look()
	}
	m.fetch()
	for _, d := range m.window {
		if d.state == modelQueued && m.held < 4 && !m.stopping {
			m.handle(d)
		}
	}
	m.settle()
}

func (m *inOrderModel) fetch() {
	if m.fetching || m.stopping || len(m.window) > 12 {
		return
	}
	m.fetching, m.filters = true, nil
	if m.revoking > 0 {
		m.filters = []int{m.generation}
	}
	m.after(m.upTo(100), func() { // the broker hands out
		var brought []*modelDelivery
		for n := m.upTo(5); n > 0 && m.next < m.total; n-- {
			brought = append(brought, &modelDelivery{position: m.next, generation: m.generation})
			m.next++
		}
		m.after(m.upTo(200), func() { // and the loop gets it
			m.fetching = false
			for _, d := range brought {
				if m.rules.filterFetches && slices.ContainsFunc(m.filters, func(g int) bool { return d.generation <= g }) {
					continue
				}
				if m.stopping {
					d.state = modelDropped
				}
				m.window = append(m.window, d)
			}
			m.after(20, func() {})
		})
	})
}

func (m *inOrderModel) handle(d *modelDelivery) {
	d.state = modelRunning
	m.held++
	takes := m.upTo(150)
	if m.chance(12) { // it hangs, and ignores its context
		takes = 2_000
	}
	m.after(takes, func() {
		m.held--
		if d.state != modelRunning {
			return // fenced meanwhile
		}
		if m.chance(6) {
			d.state = modelHeld
			m.after(m.upTo(500), func() {
				if d.state == modelHeld {
					d.state = modelQueued
				}
			})
			return
		}
		d.state, d.dead, d.hops = modelEnded, m.chance(8), m.hops(d.position)
		m.settledOnly[[2]int{d.generation, d.position}] = true
	})
}

// settle settles the prefix that has ended. Its letters are written first.
func (m *inOrderModel) settle() {
	if m.settling {
		return
	}
	if !m.rules.blockBehindDropped {
		m.window = slices.DeleteFunc(m.window, func(d *modelDelivery) bool { return d.state == modelDropped })
	}
	n := 0
	for n < len(m.window) && m.window[n].state == modelEnded && m.window[n].generation == m.window[0].generation {
		m.window[n].state = modelSettling
		n++
	}
	if n == 0 {
		return
	}
	batch := slices.Clone(m.window[:n])
	m.window = m.window[n:]
	m.settling = true
	began, takes := 0, m.upTo(60)
	if slices.ContainsFunc(batch, func(d *modelDelivery) bool { return d.dead }) && m.rules.letterInTurn {
		began = m.upTo(100)
		m.after(began, func() { m.writeLetters(batch) })
	}
	if m.chance(40) { // the call hangs
		takes = 3_000
	}
	m.after(began+takes, func() {
		done := len(batch)
		if m.chance(10) {
			done = m.upTo(len(batch)) // that one fails, and what is behind it has no effect
		}
		if batch[0].generation <= m.notEnded || m.stale(batch[0]) {
			done = 0 // the broker refuses it by its generation
		} else if batch[0].generation <= m.returned {
			m.wrong(fmt.Sprintf("%d is settled after its revocation has returned", batch[0].position))
		}
		m.commit(batch[:done])
		m.settling = false
		for i, d := range slices.Backward(batch[done:]) {
			if !m.stale(d) && d.generation > m.notEnded && d.generation > m.returned {
				d.state = modelEnded
				m.window = slices.Insert(m.window, 0, batch[done+i])
			}
		}
	})
}

// stale reports whether the broker has taken the partition away without a revocation.
func (m *inOrderModel) stale(d *modelDelivery) bool {
	return d.generation < m.generation && m.revoking == 0 && d.generation > m.returned
}

func (m *inOrderModel) writeLetters(batch []*modelDelivery) {
	for _, d := range batch {
		if d.dead {
			m.letters[d.position]++
		}
	}
}

// commit is what the broker does: it moves the floor, and outputs become durable with that. It checks what the loop must guarantee.
func (m *inOrderModel) commit(batch []*modelDelivery) {
	for _, d := range batch {
		for p := m.floor; p <= d.position; p++ {
			if !m.settledOnly[[2]int{d.generation, p}] {
				m.wrong(fmt.Sprintf("%d is settled, so %d is lost", d.position, p))
			}
		}
		if d.dead && m.letters[d.position] == 0 {
			m.wrong(fmt.Sprintf("%d is settled before its letter is durable", d.position))
		}
		if d.hops && !d.dead {
			m.outputs[d.position]++
		}
		m.floor = d.position + 1
	}
}

// revoke takes the partition away in good order, and assigns it anew.
func (m *inOrderModel) revoke(limit int) {
	if m.revoking > 0 {
		return // a client has one at a time
	}
	m.revoking++
	g, began := m.generation, m.now
	m.filters = append(m.filters, g)
	of := func(d *modelDelivery) bool { return d.generation <= g }
	dropped := false
	for _, d := range m.window {
		switch {
		case !of(d):
		case d.state == modelQueued, d.state == modelHeld:
			d.state, dropped = modelDropped, true
		case dropped && m.rules.blockBehindDropped:
			d.state = modelFenced
		}
	}
	if !m.rules.blockBehindDropped {
		m.window = slices.DeleteFunc(m.window, func(d *modelDelivery) bool { return d.state == modelDropped })
	}
	over, process := false, m.process
	look := func() {
		if !over && m.process != process { // the process has ended, and its revocation with it
			over = true
			m.revoking--
		}
		waits := slices.ContainsFunc(m.window, func(d *modelDelivery) bool { return of(d) && d.ending() })
		if over || (waits || m.settling) && m.now < began+limit+1_000 {
			return
		}
		over = true
		if m.settling {
			m.notEnded = g
		}
		if m.now > began+limit+1_000 {
			m.wrong(fmt.Sprintf("a revocation with %d ms took %d ms", limit, m.now-began))
		}
		m.returned = g
		if m.rules.filterFetches { // otherwise what such a fetch brings is taken for new
			m.window = slices.DeleteFunc(m.window, of)
		}
		m.generation, m.next = m.generation+1, m.floor
		m.revoking--
	}
	m.changed = append(m.changed, look)
	m.after(limit, func() {
		for _, d := range m.window {
			if of(d) && !over && d.state != modelSettling {
				d.state = modelFenced
			}
		}
	})
	m.after(limit+1_000, func() {})
}

// lost takes the partition away at once.
func (m *inOrderModel) lost() {
	if m.revoking > 0 {
		return
	}
	g := m.generation
	m.filters = append(m.filters, g)
	m.window = slices.DeleteFunc(m.window, func(d *modelDelivery) bool {
		if d.generation <= g {
			d.state = modelFenced
		}
		return d.generation <= g
	})
	m.generation, m.next = m.generation+1, m.floor
	if m.settling {
		m.notEnded = g
	}
}

// shutDown ends the loop: what has not started is dropped, what runs has a while. Then another process continues at the floor.
func (m *inOrderModel) shutDown() {
	if m.stopping {
		return
	}
	m.stopping = true
	for _, d := range m.window {
		if d.state == modelQueued || d.state == modelHeld {
			d.state = modelDropped
		}
	}
	m.after(300, func() {
		for _, d := range m.window {
			if d.state == modelRunning {
				d.state = modelFenced
			}
		}
		m.after(1_500, func() {
			if m.settling {
				m.notEnded = m.generation
			}
			m.window, m.stopping = nil, false
			m.process++
			m.generation, m.next = m.generation+1, m.floor
			m.filters = append(m.filters, m.generation-1) // its fetch ends with the process
		})
	})
}

func newInOrderModel(seed uint64, rules modelRules) *inOrderModel {
	return &inOrderModel{
		rules: rules, random: rand.New(rand.NewPCG(seed, 2)), total: 60, returned: -1, notEnded: -1,
		outputs: map[int]int{}, letters: map[int]int{}, settledOnly: map[[2]int]bool{},
	}
}

// [K2] [K3] Over random revocations, losses and shutdowns nothing is lost, nothing is settled after a revocation has returned, and no
// revocation takes longer than its limit.
func TestModelOfInOrderSettlementHolds(t *testing.T) {
	for seed := range uint64(4_000) {
		if fault := newInOrderModel(seed, soundRules).run(); fault != "" {
			t.Fatalf("seed %d: %s", seed, fault)
		}
	}
}

// Each rule is needed: without it the model fails.
func TestModelOfInOrderSettlementNeedsItsRules(t *testing.T) {
	for name, removeWaiting := range map[string]func(*modelRules){
		"nothing behind a dropped one":                   func(r *modelRules) { r.blockBehindDropped = false },
		"a revocation filters fetches in progress":       func(r *modelRules) { r.filterFetches = false },
		"a letter is durable before its position passes": func(r *modelRules) { r.letterInTurn = false },
	} {
		rules := soundRules
		removeWaiting(&rules)
		failed, first := 0, ""
		for seed := range uint64(500) {
			if fault := newInOrderModel(seed, rules).run(); fault != "" {
				failed++
				first = cmp.Or(first, fault)
			}
		}
		t.Logf("without %q: %d of 500 fail, the first with %q", name, failed, first)
		if failed == 0 {
			t.Errorf("without the rule %q the model holds: it shows nothing", name)
		}
	}
}
