package bench

import "slices"

// Row is what all rounds found about one entry of a comparison.
type Row struct {
	Contestant

	Items  int // of one run, where the entry says
	Rounds []Figures
}

// Median is the median of each figure.
func (r Row) Median() Figures {
	return Figures{
		Wall:   r.median(func(f Figures) float64 { return f.Wall }),
		CPU:    r.median(func(f Figures) float64 { return f.CPU }),
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

// Ratio is how many times as long as the base each item takes: the median over the rounds, each of which compares two
// measurements that were made shortly after one another.
func (r Row) Ratio(base Row) float64 { return Median(r.ratios(base)) }

// Spread is the lowest and the highest ratio of a round.
func (r Row) Spread(base Row) (lowest, highest float64) {
	ratios := r.ratios(base)
	if len(ratios) == 0 {
		return 0, 0
	}
	return slices.Min(ratios), slices.Max(ratios)
}

func (r Row) ratios(base Row) []float64 {
	ratios := make([]float64, min(len(r.Rounds), len(base.Rounds)))
	for i := range ratios {
		ratios[i] = r.Rounds[i].Wall / base.Rounds[i].Wall
	}
	return ratios
}

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
