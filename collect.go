package ergon

import "iter"

// Collected is the result of [Collect].
type Collected[Out any] struct {
	// Values holds the results of the calls in the order of the inputs; the zero value for an input that failed.
	Values []Out
	// Errors holds the error of each input that failed, by its index. An error that belongs to no input has the index -1. Errors is
	// nil if nothing failed.
	Errors map[int]error
	// Succeeded, Business, System and Timeout count the inputs by their outcome.
	Succeeded, Business, System, Timeout int
}

// Collect ranges over the results of [RunConcurrently] to the end and returns them all. It needs memory for all results at once.
//
//	all := ergon.Collect(ergon.RunConcurrently(ctx, limits, inputs, double))
func Collect[Out any](results iter.Seq[Result[Out]]) Collected[Out] {
	var c Collected[Out]
	for r := range results {
		c.add(r)
	}
	return c
}

func (c *Collected[Out]) add(r Result[Out]) {
	if r.Err != nil {
		if c.Errors == nil {
			c.Errors = map[int]error{}
		}
		c.Errors[r.Index] = r.Err
	}
	if r.Index < 0 {
		return
	}
	for len(c.Values) <= r.Index {
		var none Out
		c.Values = append(c.Values, none)
	}
	c.Values[r.Index] = r.Value
	c.count(r.Err)
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
