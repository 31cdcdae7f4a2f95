package spans

import "go.opentelemetry.io/otel/attribute"

// Attributes of the span of one component that is opened, "open <name>", a child of "task.start". It has either Connector
// or Service.
const (
	Connector     = attribute.Key("ergon.connector")
	Service       = attribute.Key("ergon.service")
	ComponentType = attribute.Key("ergon.component.type")
)

// ExecutionID is an attribute of the resource: what all processes of one run have in common.
const ExecutionID = attribute.Key("ergon.execution.id")
