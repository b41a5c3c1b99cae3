// Quickstart shows the whole library at work in one process, without any
// set-up: a dental practice's Open Dental (the emulator of package
// opendentaltest, in Service mode, with a few hundred invented patients), a host
// application that has something to write back every moment, staff who change
// things in the practice meanwhile, and the engine that keeps both in step.
//
//	go run ./examples/quickstart                  20 seconds of it
//	go run ./examples/quickstart -for 5m -dir d   longer, in a folder that stays
//	go run ./examples/quickstart -for 20s -json   a summary for programs
//
// Read main.go first: it is all that an application has to wire. Then host.go,
// which is the application; settings.go, which is what a practice chooses;
// events.go, which is what the application has to say. The rest is the demonstration's own:
// practice.go and staff.go are the practice, journal.go and count.go prove that
// nothing was lost and nothing doubled, view.go is the screen.
//
// # What is counted
//
// Before each submit the host writes the event down in a journal and waits for
// the disk; when the submit has returned, it notes that too. At the end every
// event of the journal is looked for in the practice's own tables by its
// content (a marker in the text, an amount that occurs once, a status that an
// appointment gets once), not by anything the library keeps. Duplicates are
// contents that stand there more than once. Lost is what was acknowledged and
// is neither there nor in a state that says why.
//
// The process may be killed at any moment. A run on the same -dir goes on where
// the last one ended, and the counts are of all runs together, but for what was
// received, which is of this run.
//
// # Exit codes
//
// 0: nothing lost, nothing doubled, and something of every kind went each way.
// 1: otherwise, with words saying what. 2: a flag cannot be used as given.
package main
