package deadletter_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// What reads dead letters relies on these names. [S2]
func TestRecordIsWrittenInSnakeCaseWithoutWhatItLacks(t *testing.T) {
	failed := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for want, record := range map[string]deadletter.Record{
		`{"id":"t-1","task":"triage","category":"BUSINESS","phase":"decode","attempts":1,"message":"boom","fingerprint":"f",` +
			`"failed_at":"2024-02-29T12:00:00Z","payload":{"a":1}}`: {
			ID: "t-1", Task: "triage", Category: ergon.CategoryBusiness, Phase: policy.PhaseDecode, Attempts: 1, Message: "boom",
			Fingerprint: "f", FailedAt: failed, Payload: json.RawMessage(`{"a":1}`),
		},
		`{"id":"t-1","task":"triage","category":"TIMEOUT","phase":"process","attempts":3,"message":"last","first_error":"first",` +
			`"fingerprint":"f","handler_failed":true,"handler_error":"h","deliveries":2,"enqueued_at":"2024-02-29T11:00:00Z",` +
			`"failed_at":"2024-02-29T12:00:00Z","metadata":{"k":"v"},"payload":"raw"}`: {
			ID: "t-1", Task: "triage", Category: ergon.CategoryTimeout, Phase: policy.PhaseProcess, Attempts: 3, Message: "last",
			FirstError: "first", Fingerprint: "f", HandlerFailed: true, HandlerError: "h", Deliveries: 2,
			EnqueuedAt: failed.Add(-time.Hour), FailedAt: failed, Metadata: map[string]string{"k": "v"}, Payload: "raw",
		},
	} {
		got, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		var read deadletter.Record
		if err := json.Unmarshal(got, &read); err != nil {
			t.Fatal(err)
		}
		read.Payload, record.Payload = nil, nil
		if diff := cmp.Diff(record, read); diff != "" {
			t.Errorf("what is read again (-want +got):\n%s", diff)
		}
	}
}
