package pairs

import (
	"math/rand/v2"
	"slices"
)

// combination is values of some axes: the axes in rising order, and a value of each.
type combination struct {
	axes   [3]int
	values [3]int
	n      int
}

// Combinations calls yield for every combination of the values of strength axes, 2 or 3, until it returns false.
func combinations(axes [axisCount][]string, strength int, yield func(combination)) {
	var choose func(c combination, from int)
	choose = func(c combination, from int) {
		if c.n == strength {
			yield(c)
			return
		}
		for axis := from; axis < axisCount; axis++ {
			for value := range axes[axis] {
				c.axes[c.n], c.values[c.n] = axis, value
				next := c
				next.n++
				choose(next, axis+1)
			}
		}
	}
	choose(combination{}, 0)
}

// Cover returns rows that contain every combination of values of strength axes, 2 or 3: in a row that runs, where there is
// one, because a row that is refused shows little of the parts that are in it; otherwise in one that is refused. It is
// greedy: each row begins with a combination that is still missing, and takes of a few candidates the one that has most of
// those. The same seed gives the same rows.
func Cover(axes [axisCount][]string, strength int, seed uint64) []Row {
	missing := map[combination]bool{}
	var order []combination
	combinations(axes, strength, func(c combination) {
		missing[c] = true
		order = append(order, c)
	})
	random := rand.New(rand.NewPCG(seed, uint64(strength)))
	var rows []Row
	for _, running := range []bool{true, false} {
		for _, c := range order {
			if !missing[c] {
				continue
			}
			best, found := bestOf(axes, strength, c, missing, random, running)
			if !found {
				continue
			}
			for _, covered := range contained(best, strength) {
				delete(missing, covered)
			}
			rows = append(rows, rowOf(axes, best))
		}
	}
	return rows
}

const candidates = 60

// bestOf returns the values of a row that contains c and many of the combinations that are missing; none where it is to be
// one that runs and none of the candidates does.
func bestOf(
	axes [axisCount][]string, strength int, c combination, missing map[combination]bool, random *rand.Rand, running bool,
) (best [axisCount]int, found bool) {
	most := -1
	for i := range candidates {
		known := missing
		if i >= candidates/2 {
			known = nil // by chance alone: what is wanted most may be what is refused
		}
		values := extended(axes, strength, c, known, random)
		if running && len(Cures(rowOf(axes, values))) > 0 {
			continue
		}
		n := 0
		for _, one := range contained(values, strength) {
			if missing[one] {
				n++
			}
		}
		if n > most {
			best, most = values, n
		}
	}
	return best, most >= 0
}

// extended gives each axis that c leaves open the value that adds most of what is missing, the axes in a random order.
func extended(
	axes [axisCount][]string, strength int, c combination, missing map[combination]bool, random *rand.Rand,
) [axisCount]int {
	var values [axisCount]int
	set := make([]bool, axisCount)
	for i := range c.n {
		values[c.axes[i]], set[c.axes[i]] = c.values[i], true
	}
	for _, axis := range random.Perm(axisCount) {
		if set[axis] {
			continue
		}
		set[axis] = true
		most := -1
		for _, value := range random.Perm(len(axes[axis])) {
			try := values
			try[axis] = value
			n := 0
			for _, one := range contained(try, strength) {
				if missing[one] && !slices.ContainsFunc(one.axes[:one.n], func(a int) bool { return !set[a] }) &&
					slices.Contains(one.axes[:one.n], axis) {
					n++
				}
			}
			if n > most {
				values[axis], most = value, n
			}
		}
	}
	return values
}

// contained returns the combinations of strength axes in a row.
func contained(values [axisCount]int, strength int) []combination {
	var all []combination
	var choose func(c combination, from int)
	choose = func(c combination, from int) {
		if c.n == strength {
			all = append(all, c)
			return
		}
		for axis := from; axis < axisCount; axis++ {
			next := c
			next.axes[c.n], next.values[c.n] = axis, values[axis]
			next.n++
			choose(next, axis+1)
		}
	}
	choose(combination{}, 0)
	return all
}

func rowOf(axes [axisCount][]string, values [axisCount]int) Row {
	var row Row
	for axis, value := range values {
		row[axis] = axes[axis][value]
	}
	return row
}

// Uncovered returns how many combinations of strength axes are in none of the rows.
func Uncovered(axes [axisCount][]string, strength int, rows []Row) int {
	covered := map[combination]bool{}
	for _, row := range rows {
		var values [axisCount]int
		for axis, name := range row {
			values[axis] = slices.Index(axes[axis], name)
		}
		for _, c := range contained(values, strength) {
			covered[c] = true
		}
	}
	n := 0
	combinations(axes, strength, func(c combination) {
		if !covered[c] {
			n++
		}
	})
	return n
}

// Sample returns n rows of the whole product, by chance; the same seed gives the same rows.
func Sample(axes [axisCount][]string, n int, seed uint64) []Row {
	random := rand.New(rand.NewPCG(seed, 0))
	rows := make([]Row, n)
	for i := range rows {
		for axis, values := range axes {
			rows[i][axis] = values[random.IntN(len(values))]
		}
	}
	return rows
}
