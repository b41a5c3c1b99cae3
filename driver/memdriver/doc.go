// Package memdriver is a whole PMS in memory, with faults on demand. It is the
// reference implementation of the contract in package driver: where a driver's
// author wonders what is meant, this is the answer in code. Tests of the engine
// and of host applications run against it.
//
//	pms := memdriver.New(memdriver.Config{})
//	patient := pms.AddPatient(driver.Patient{LastName: driver.NewText("Doe")})
//	conn, err := pms.Connector().Connect(ctx, driver.Env{Practice: "main-street"})
//	...
//	notes := pms.Notes() // what is in the PMS, by content
//
// It is also registered as "memory": the data source name
// "memory://main-street?demo=50" opens the PMS of that name, which every
// connector of the process shares and [Named] gives to tests. See [Driver] for
// the options.
//
// # What it is
//
// A [PMS] holds patients, appointments, six catalogs, photos, and what was
// written: notes, documents, statuses, payments, refunds, adjustments. It has its
// own clock, which may run ahead of or behind the host's and ticks once a second,
// so that changes tie. Like a real PMS it does not look for doubles: the same note
// written twice is there twice. Only a status change is idempotent.
//
// Methods of [PMS] named for what staff do (AddAppointment, SetProviderActive,
// SetLockDate) act behind the driver's back. They return an error for an id that
// is not there; adding a record whose ID is taken is a mistake in a test and
// panics. Methods named for tables (Notes, Payments) return copies of what is in
// the PMS.
//
// # Faults
//
// [PMS.Fail] scripts what goes wrong: before the effect, after it, later than
// the answer, half way, never answering. [PMS.SetOffline] pulls the plug.
// [PMS.Break] makes the driver itself break one rule of the contract, which is
// how the conformance suite shows that its cases can fail.
//
// # Time
//
// Whatever waits uses package time's timers and the PMS's clock, [Config].Now
// (time.Now by default), so that everything runs inside a testing/synctest
// bubble. A late effect that is due is carried out when somebody next looks at
// the PMS: no goroutine belongs to a PMS.
//
// # Patient data
//
// A PMS prints as its name. Records hold names and texts as driver.Text, and
// bytes behind methods, so that printing a record shows no patient data.
package memdriver
