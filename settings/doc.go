// Package settings is a practice's PMS Writeback Settings: one document, pure
// data, with everything that can be asked of it.
//
// Host applications import it to read, edit and save settings; the writeback
// engine imports it to decide. Drivers do not. The package keeps nothing, reads
// no clock and starts nothing: every function gives the same answer for the same
// arguments, and is safe for concurrent use as long as nobody changes a document
// that others read ([Document.Clone] makes a copy that nothing shares).
//
// # Life of a document
//
//  1. [Initial] (or [Default]) gives the document of a new practice. It writes
//     nothing and is valid as it is.
//  2. A person edits it: [Describe] lists the fields for a form, [Text] and
//     [Set] read and write each by its path, [Parse] reads a file.
//  3. [Normalize] turns pasted text into the ids of the practice's own PMS.
//  4. [Validate] returns everything that is wrong, each with its path, its
//     severity and words for staff. An Error blocks a save, a Warning does not.
//  5. [Diff] says what changed, for the history; [Document.Marshal] gives the
//     bytes to store.
//  6. The engine asks the saved document: [Document.NoteType],
//     [Document.StatusTarget] and the other query methods.
//
// # Paths
//
// Every field has one path, such as "notes.enabled.incoming_call" or
// "forms.types[0].folder". It is where the value stands in the JSON document,
// and the same in a [Problem], a [Field], a [Change], [Get] and [Set].
//
// # References
//
// What stands for something in the PMS is a [Ref]. Its ID is what counts, byte
// for byte: case and leading zeros matter. Options come from the practice's own
// PMS as [Catalogs]; the package knows none by itself.
//
// # Other practices
//
// An id means something inside one PMS only. [Translate] carries settings over to
// another practice by the labels of the options; [NewExport] and [ParseExport]
// make and read a file of them, which [Export.Into] brings back or carries over.
// Each gives a [Report] with a row for every reference. [Document.MissingLabels]
// and [Document.WithLabels] keep what an option was called while its reference
// has no label.
//
// # Errors
//
// What is wrong with the content of a document is a [Problem]. A Go error means
// that a call could not be carried out: bytes that are no JSON document, a path
// that does not exist. Settings hold no patient data, so both may quote values.
package settings
