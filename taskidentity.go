package ergon

import (
	"fmt"
	"net/url"
	"regexp"

	"github.com/ergon-go/ergon/policy"
)

var identityRule = regexp.MustCompile(`^[\x21-\x2e\x30-\x7e]+/[\x21-\x2e\x30-\x7e]+$`)

// OutputIdentity is the part of an output's id that names the task and its source [B3]: Identity or, if that is not set,
// "<task>/<source>". source is the logical name of the task's source, for instance the name of its queue.
//
// If a task or its source is renamed, the task makes different ids from then on. If an earlier transaction is delivered again,
// its outputs are not recognised. To keep the ids, set Identity to what OutputIdentity returned before, such as "price/orders".
func (c TaskConfig) OutputIdentity(source string) string {
	if c.Identity != "" {
		return c.Identity
	}
	return url.PathEscape(c.Name) + "/" + url.PathEscape(source)
}

// ValidateIdentity reports an Identity that cannot be part of an id.
func (c TaskConfig) ValidateIdentity() error {
	if c.Identity == "" || identityRule.MatchString(c.Identity) {
		return nil
	}
	return &policy.Fault{Path: "identity", Problem: fmt.Sprintf("is %q, but it stands for the name of a task and that of a source, "+
		"with one slash between them and no spaces, such as price/orders", c.Identity)}
}
