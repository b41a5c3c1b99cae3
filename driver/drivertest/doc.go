// Package drivertest proves that a driver keeps the contract of package driver:
// pass it and your driver is done. It is for the vendor who writes a driver, in
// the driver's own tests, and imports the standard library and package driver
// only.
//
//	func TestConformance(t *testing.T) {
//		drivertest.Run(t, drivertest.Harness{New: newFakeAcme})
//	}
//
//	func newFakeAcme(tb testing.TB, zone *time.Location) *drivertest.PMS {
//		fake := acmetest.Start(tb, zone)
//		return &drivertest.PMS{
//			Driver: acme.Driver{}, DSN: "acme://key:secret@" + fake.Addr(),
//			Now: fake.Now, Advance: fake.Advance,
//			Staff:  drivertest.Staff{AddPatient: fake.AddPatient, ...},
//			Rows:   fake.Rows,
//			Status: fake.Status,
//			Inject: fake.Inject,
//		}
//	}
//
// [Run] makes every rule a subtest; [Check] gives the same results to a program,
// as a [Report] that marshals to JSON. [Rules] lists the rules with their
// explanations. The test of this package, memory_test.go, holds a complete
// harness, for the PMS in memory of package memdriver.
//
// # The harness
//
// For each case the suite asks [Harness].New for a PMS that nobody else uses: a
// fake, an emulator, or the product on a test machine. It reaches into it in four
// ways, always by ids and content, so that nothing has to be shared with the
// driver but the PMS itself:
//
//   - [Staff] is people at work behind the driver's back. The suite has them make
//     all that it needs, patients included, so there are no fixtures to prepare:
//     an empty practice with its catalogs will do.
//   - [PMS].Rows, Status and Verified read the PMS's own tables. What a driver says
//     that it wrote counts for nothing; what is in the tables does.
//   - [PMS].Inject makes the line or the PMS fail. A [Fault] lasts until it is
//     lifted.
//   - [PMS].Now and Advance are the PMS's clock. A fake's clock should stand still
//     until it is advanced: then all changes of a case fall into one tick, which
//     is where changes get lost.
//
// Write Staff and Rows first, then run the suite, and see in the report what is
// missing. What can be made to fail at the wire (a proxy before the fake that
// cuts connections) proves more than a fault that the fake answers politely.
//
// # Outcomes
//
// A rule comes out as one of four:
//
//   - passed: it was tried and held.
//   - failed: it was tried and broken. The message says what was seen; below it
//     stands the rule.
//   - not applicable: the driver's Info says, with a reason for staff, that this
//     PMS does not offer it. A driver that supports little has little to prove,
//     and the report shows that.
//   - not proved: the harness lacks an ability, so that nobody knows. It fails
//     [Run] unless the harness says why, in [Harness].Cannot or as the error of
//     Inject: "the product has no test mode for this". A driver with rules that
//     are not proved is not done where they matter to money: of outcome/*
//     and verify/* nothing should be missing, and of incomplete/* only what the
//     PMS does in a single request, where there is no half.
//
// A rule that is tried on several subjects (operations, feeds, catalogs) has a
// result for each: "write/once/payment".
//
// # The groups of rules
//
//   - connector, conn: names, connecting, closing, being offline and refused.
//   - info: what the driver says of itself agrees with what it does.
//   - zone: wall times of the practice, summer time, posting dates.
//   - catalog: options complete, with ids that last.
//   - find: a list of patients that is complete or an error.
//   - changes, cursor: nothing that staff do is lost, whatever the clock.
//   - hint: a poll comes sooner, and never in vain for long. A driver that gives no
//     hints keeps these rules.
//   - window: every record exactly once while staff go on working.
//   - appointment, photo: single records as they are now.
//   - write: one effect, with the content that was given and the Ref in it, and
//     beside a note the day of a verification.
//   - refuse, limit, status, money, refund: what must not be written, is not, and
//     the reason is the right one.
//   - outcome: what an error says about the effect is true. These decide whether
//     a payment is posted twice.
//   - incomplete: half a write is finished, not repeated.
//   - verify: the engine's only way out of doubt.
//   - concurrent: several calls and connections at once.
//   - errors: no patient data and no secret in anything that the driver returned
//     or logged during the whole run. All names, numbers and texts that the suite
//     makes up carry a mark by which they are known again.
//
// # Where the PMS leaves a choice
//
// Some PMSs let through what others refuse. [Harness].Accepts names it, and the
// suite then asks for the whole effect. Nothing is taken on trust either way: a
// refusal with an effect and a success without one both fail.
package drivertest
