package capability

import "time"

// ShortestLease is what the lease of an [ergon.LeaseKeeper] has to be at least: the engine extends it four times a lease, and two of
// those may fail. How long an attempt takes does not matter [C2].
const ShortestLease = 2 * time.Second
