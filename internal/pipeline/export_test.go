package pipeline

// PayloadText opens payloadText to tests.
var PayloadText = payloadText
