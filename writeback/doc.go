// Package writeback keeps a host application and dental practices' Practice
// Management Software (PMS) in step: it writes the host's notes, documents,
// online forms, appointment confirmations and payments into the PMS, once each
// and in order, and it tells the host what changes in the PMS.
//
// Host applications import it, together with a driver, a store and package
// settings.
//
// # Life cycle
//
//  1. [New] checks a [Config] and starts nothing.
//  2. [Engine.AddPractice] makes a practice durable; [Practice.SaveSettings] says
//     what is written.
//  3. Submitting ([Practice.WriteNote] and its sisters) returns an [Item] that is
//     durable: a crash of either side loses nothing and doubles nothing.
//  4. [Engine.Run] owns every goroutine and works until its context ends. Any
//     number of processes may run engines on one shared store: each practice is
//     worked on by one at a time.
//
// # What becomes of an item
//
// Each item has one state out of a table ([State]); an audit log keeps every
// change but the claim, whose outcome follows. What a mend will release is held and resumes by itself; what nobody
// can know (did the PMS take the payment before the line was cut?) is uncertain
// and is looked for in the PMS before anything is sent again; what only a person
// can settle waits for [Practice.Retry], [Practice.Assign], [Practice.Transfer],
// [Practice.MarkPosted] or [Practice.Dismiss]. [Practice.WorkList] groups what
// waits, and [Practice.Bulk] acts on many items at once.
//
// # Settings
//
// A practice that never saved goes by [Practice.InitialSettings], which write
// nothing. [Practice.Preview] says what a draft would make of the items that wait,
// and [Practice.SaveSettings] puts it in force: within a second in its process and
// five in the others. Every revision stays ([Practice.SettingsHistory]) and can be
// restored ([Practice.RestoreSettings]). What settings ask for may break in the
// PMS at any time: it is looked for whenever the PMS's options are read, shown by
// [Practice.SettingsProblems], and told once to Handlers.Practice.
//
// [Practice.CopySettings] takes over another practice's settings by the labels of
// their options, and [Practice.ExportSettings] and [Practice.ImportSettings] carry
// them in a file; a dry run shows what would come of it. [Practice.SetMode] pauses
// a practice, or lets it only plan what it would write.
//
// # Errors
//
// Bad input is an [*InputError] that names each field. A key used for other
// content is [ErrKeyReused]. Whatever else a submit returns is the store's
// error: the host tries again with the same key.
//
// # Limits of the guarantee
//
// A process that was frozen in the middle of a write for longer than its lease
// may finish that write later. The item is uncertain by then and is looked for
// by its reference; a PMS without room for the reference leaves it to a person.
//
// A store that was restored from a back-up has forgotten what was written since;
// [Engine.MarkRestored] makes the engine look before it sends.
//
// # When the PMS goes back to a back-up
//
// [Engine.MarkRestored] is about the engine's store. A PMS that was restored gives
// the numbers of lost records out again, which no engine is told:
//
//   - A patient with a reused number is not told as new. A note or document that
//     names its patient by that number, or by a link that [Practice.Assign] stored,
//     is filed for whoever has it now. A payment is not: its name and birth date are
//     compared, and it waits for a person.
//   - Appointments that are gone or are another's are told by the next sweep.
//   - What was written since the back-up is gone from the PMS, stays Written here,
//     and is never written again by itself.
//
// So, before the practice writes again: [Practice.SetMode] Paused; [Practice.Import]
// the patients, which tells of everybody as found; compare name and birth date with
// what the host keeps under each number, and drop what is another person's; assign
// the items that wait for such a patient anew; list by [Practice.Items] what was
// written since the back-up (States, MaxIdle), for a person to enter or for the host
// to submit again with other keys; then go Live.
//
// # Patient data
//
// Texts, names and dates of birth are types that print as "[redacted]". Nothing
// of them is in errors, logs or event details. The store holds them, sealed when
// the host gives [Config].SealKeys.
package writeback
