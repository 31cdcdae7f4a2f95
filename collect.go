package ergon

import "iter"

// Collected is everything that [RunConcurrently] returned.
type Collected[Out any] struct {
	// Values holds what the calls returned, in the order of the inputs; the zero value for one that failed.
	Values []Out
	// Errors holds the error of each input that failed, by its index, and one that is none of an input's at -1. It is nil
	// where nothing failed.
	Errors map[int]error
	// Succeeded, Business, System and Timeout count the inputs by their outcome.
	Succeeded, Business, System, Timeout int
}

// Collect ranges over results to the end and keeps them all:
//
//	var all ergon.Collected[int]
//	all.Collect(ergon.RunConcurrently(ctx, limits, inputs, double))
func (c *Collected[Out]) Collect(results iter.Seq[Result[Out]]) {
	for r := range results {
		if r.Err != nil {
			if c.Errors == nil {
				c.Errors = map[int]error{}
			}
			c.Errors[r.Index] = r.Err
		}
		if r.Index < 0 {
			continue
		}
		for len(c.Values) <= r.Index {
			var none Out
			c.Values = append(c.Values, none)
		}
		c.Values[r.Index] = r.Value
		c.count(r.Err)
	}
}

func (c *Collected[Out]) count(err error) {
	if err == nil {
		c.Succeeded++
		return
	}
	switch CategoryOf(err) {
	case CategoryBusiness:
		c.Business++
	case CategoryTimeout:
		c.Timeout++
	case CategorySystem:
		c.System++
	}
}
