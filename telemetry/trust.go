package telemetry

import (
	"slices"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/spans"
)

// Whose decision about sampling is followed: [Config.Trust].
const (
	TrustNone = "none"
	TrustAll  = "all"
)

// trusted are the tasks whose senders are trusted, or that all are; ok is false for what says neither.
func (c Config) trusted() (tasks []string, all, ok bool) {
	switch t := c.Trust.(type) {
	case nil:
		return nil, false, true
	case string:
		return nil, t == TrustAll, t == TrustAll || t == TrustNone || t == ""
	case []string:
		return t, false, !slices.Contains(t, "")
	case []any: // as YAML is read
		for _, name := range t {
			text, isText := name.(string)
			if !isText || text == "" {
				return nil, false, false
			}
			tasks = append(tasks, text)
		}
		return tasks, false, true
	default:
		return nil, false, false
	}
}

// heeding is a sampler that follows the decision of a parent in this program, of one elsewhere where it is trusted, and decides
// by root otherwise.
func (c Config) heeding(root sdktrace.Sampler) sdktrace.Sampler {
	tasks, all, _ := c.trusted()
	return &senderSampler{untrusted: root, others: sdktrace.ParentBased(root), tasks: tasks, all: all}
}

// trusting is a sampler that decides by itself, but for transactions of senders that are trusted.
func (c Config) trusting(own sdktrace.Sampler) sdktrace.Sampler {
	tasks, all, _ := c.trusted()
	return &senderSampler{
		untrusted: own, others: own, trusted: sdktrace.ParentBased(sdktrace.AlwaysSample()), tasks: tasks, all: all,
	}
}

// senderSampler decides for transactions that continue with their sender's trace. An attribute of an untrusted sender could have
// everything recorded otherwise, or nothing.
type senderSampler struct {
	untrusted, others sdktrace.Sampler
	trusted           sdktrace.Sampler // nil: others
	tasks             []string
	all               bool
}

var _ sdktrace.Sampler = (*senderSampler)(nil)

// ShouldSample decides for one span.
func (s *senderSampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	switch sender := trace.SpanContextFromContext(p.ParentContext); {
	case !sender.IsRemote() || !isUnit(p.Kind, p.Name):
		return s.others.ShouldSample(p)
	case !s.trusts(p.Name):
		return s.untrusted.ShouldSample(p)
	case s.trusted != nil:
		return s.trusted.ShouldSample(p)
	default:
		return s.others.ShouldSample(p)
	}
}

// trusts reports whether senders of the task that a span is of are trusted.
func (s *senderSampler) trusts(span string) bool {
	return s.all || slices.ContainsFunc(s.tasks, func(task string) bool {
		return span == spans.ProcessPrefix+task || span == spans.PreparePrefix+task
	})
}

// Description names the sampler.
func (s *senderSampler) Description() string { return s.others.Description() }
