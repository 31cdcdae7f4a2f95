package bench

import "slices"

// Row is what all rounds found about one entry of a comparison.
type Row struct {
	Contestant

	Rounds []Figures
}

// Median is the median of each figure.
func (r Row) Median() Figures {
	return Figures{
		Wall:   r.median(wallOf),
		CPU:    r.median(cpuOf),
		Allocs: r.median(func(f Figures) float64 { return f.Allocs }),
		Bytes:  r.median(func(f Figures) float64 { return f.Bytes }),
	}
}

func (r Row) median(of func(Figures) float64) float64 {
	values := make([]float64, len(r.Rounds))
	for i, f := range r.Rounds {
		values[i] = of(f)
	}
	return Median(values)
}

// Ratio is how many times as long as the base each item takes, and how many times as much of the processors it uses. It is
// the median over the rounds, each of which compares two measurements that were made shortly after one another.
func (r Row) Ratio(base Row) (wall, cpu float64) {
	return Median(r.ratios(base, wallOf)), Median(r.ratios(base, cpuOf))
}

// Spread is the lowest and the highest ratio of a round, of the time that it took.
func (r Row) Spread(base Row) (lowest, highest float64) {
	ratios := r.ratios(base, wallOf)
	if len(ratios) == 0 {
		return 0, 0
	}
	return slices.Min(ratios), slices.Max(ratios)
}

func (r Row) ratios(base Row, of func(Figures) float64) []float64 {
	ratios := make([]float64, min(len(r.Rounds), len(base.Rounds)))
	for i := range ratios {
		ratios[i] = of(r.Rounds[i]) / of(base.Rounds[i])
	}
	return ratios
}

func wallOf(f Figures) float64 { return f.Wall }

func cpuOf(f Figures) float64 { return f.CPU }

// Minus is what r takes more than other, round by round.
func (r Row) Minus(other Row, name string) Row {
	r.Name = name
	rounds := make([]Figures, min(len(r.Rounds), len(other.Rounds)))
	for i := range rounds {
		rounds[i] = r.Rounds[i].minus(other.Rounds[i])
	}
	r.Rounds = rounds
	return r
}

// Median is the middle of the values, or of the two in the middle the mean; 0 of none.
func Median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
