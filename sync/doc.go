// Package sync holds the mechanics that keep many practices in step: when
// something is due, in which order it may run, who may run it, how long to wait
// after a failure, and how many changes share one commit. It has no notion of
// what is synchronised: it knows neither settings nor drivers nor items.
//
// The engine in writeback imports it, as pmssync; host applications and drivers
// never need it. It imports the standard library, backoff/v4 and errgroup.
//
//   - [Committer]: many callers, one commit.
//   - [Runner]: calls one step function for thousands of practices, each when it
//     is due, with a goroutine only for those that run.
//   - [BackoffConfig]: delays after failures, stateless or adaptive.
//   - [Due]: the due times of one practice's named loops.
//   - [RunLanes]: parallel work that keeps its order inside a lane.
//   - [Lease]: who may work on a practice, across processes.
//
// # Life cycle
//
// No constructor starts anything. Runner.Run owns every goroutine that the
// Runner uses and returns when the last has ended; a Committer and RunLanes work
// on their callers' goroutines and on ones that end before the call returns;
// only Lease.Keep and Hold leave a timer behind, until they are stopped.
//
// # Time
//
// Durations are real elapsed time. Where a time.Time is passed in, the caller's
// clock counts and should come from time.Now, whose monotonic reading a change
// of the wall clock does not disturb.
//
// # Errors and panics
//
// Errors never hold what a change or an item contains. A panic in a function
// that a caller passed in becomes a [*PanicError] where a caller waits for the
// outcome, so that a bug met by one practice does not stop the others; it is
// never dropped.
package sync
