package credits

import "time"

// Request is something that was asked.
type Request struct {
	ID      ID
	State   RequestState
	Command []byte    // the JSON form of what was asked; empty for an interest
	About   string    // what it is about: the plan of an interest, or in words
	Contact string    // a reference by which the host reaches who asked
	At      time.Time // when it was filed
	Until   time.Time // when it becomes stale; zero if never
	Proof   [32]byte  // what an approval must bring; zero for nothing
	Tries   int       // how many wrong proofs it survives
	Wrong   int       // how many were given
}

// RequestState is where a request stands.
type RequestState uint8

// The states.
const (
	Asked     RequestState = iota + 1
	Approved               // carried out
	Dismissed              // with a reason
	Stale                  // its time has passed
	requestStates
)

// Ask files a request that somebody is to approve, or, without a command, an
// interest.
type Ask struct {
	Note Note `json:"note,omitzero"`
}

// Approve carries out what was asked.
type Approve struct {
	Note Note `json:"note,omitzero"`
}

// Dismiss ends a request.
type Dismiss struct {
	Note Note `json:"note,omitzero"`
}

func (c Ask) verb() string     { return "ask" }
func (c Approve) verb() string { return "approve" }
func (c Dismiss) verb() string { return "dismiss" }

func (c Ask) request(r *request)     { r.note(c.Note) }
func (c Approve) request(r *request) { r.note(c.Note) }
func (c Dismiss) request(r *request) { r.note(c.Note) }

func (c Ask) decide(d *decision) error     { return nil }
func (c Approve) decide(d *decision) error { return nil }
func (c Dismiss) decide(d *decision) error { return nil }
