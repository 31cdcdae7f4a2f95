package ergon

// RunOption changes how [RunFn] runs. If two options set the same thing, the later one applies.
type RunOption struct {
	spanName     string
	onLateResult func(result any, err error)
}

// SpanName sets the name of the span that [RunFn] makes. "" means the default, "run_fn".
func SpanName(name string) RunOption { return RunOption{spanName: name} }

// OnLateResult sets a function that releases the resources of late results. If an attempt returns after [RunFn] has abandoned it,
// RunFn calls release with its result. RunFn never returns such a result, and does not call release for any other result. release
// runs on the goroutine of its attempt, possibly after RunFn has returned and at the same time as for other attempts. If it
// panics, the panic is logged. Without this option, late results are dropped.
func OnLateResult(release func(result any, err error)) RunOption {
	return RunOption{onLateResult: release}
}
