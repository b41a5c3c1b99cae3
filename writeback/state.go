package writeback

// The state table: every state, every event, what follows. Nothing else in the
// package sets an item's state.

// What happened to an item: Event.Name in the audit log.
const (
	// Decisions, made by decide.
	EventSkipped      = "skipped"
	EventNeedsPatient = "needs_patient"
	EventAwaiting     = "awaiting_transfer"
	EventHeld         = "held"
	EventQueued       = "queued"
	EventExpired      = "expired"
	EventRefused      = "refused" // what the PMS cannot take at all
	EventSuperseded   = "superseded"
	EventFiledBefore  = "filed_before" // the PMS has the same document

	// Outcomes of writing.
	EventClaimed      = "claimed" // not in the audit log: each send has an outcome
	EventWritten      = "written"
	EventLegWritten   = "leg_written"
	EventUnavailable  = "unavailable"
	EventReleased     = "released" // claimed, and not sent
	EventUnknown      = "unknown_outcome"
	EventIncomplete   = "incomplete"
	EventRejected     = "rejected"
	EventConflict     = "conflict"
	EventUnauthorized = "unauthorized"
	EventLapsed       = "lapsed"   // the process that was writing is gone
	EventRestored     = "restored" // the store came from a back-up

	// Outcomes of looking for a write.
	EventFound        = "found"
	EventAbsent       = "absent"
	EventStillUnknown = "still_unknown"

	// People.
	EventRetried      = "retried"
	EventDismissed    = "dismissed"
	EventAssigned     = "assigned"
	EventTransferred  = "transferred"
	EventMarkedPosted = "marked_posted"
	EventBackfilled   = "backfilled"

	// EventSettingsSaved is about the practice, not an item.
	EventSettingsSaved = "settings_saved"
	// EventStoreRestored is about the practice, too.
	EventStoreRestored = "store_restored"
	// EventModeSet is about the practice; Detail is the mode.
	EventModeSet = "mode_set"
	// EventPMSChanged is about the practice: another product answers. Detail names
	// both.
	EventPMSChanged = "pms_changed"
	// EventSettingBroken and EventSettingMended are about the practice: what the
	// settings in force ask for is not to be had in the PMS any more, or is again.
	// Detail is the field's path and the problem's code.
	EventSettingBroken = "setting_broken"
	EventSettingMended = "setting_mended"
)

// action is what the engine has to do with an item in its new state.
type action string

const (
	actNone   action = ""       // nothing: it rests there
	actSend   action = "send"   // write it when its turn comes
	actVerify action = "verify" // look for it in the PMS
	actMend   action = "mend"   // decide again when its cause may be gone
	actPerson action = "person" // a person decides
	actDecide action = "decide" // decide again now
)

// rule is one cell of the table.
type rule struct {
	to  State
	act action
	// words say to staff what happened.
	words string
}

// fresh is the state before the first decision.
const fresh State = ""

var stateTable = func() map[State]map[string]rule {
	decisions := map[string]rule{
		EventSkipped:      {Skipped, actNone, "Not written: the settings say so."},
		EventNeedsPatient: {NeedsPatient, actMend, "Waits for a patient in the PMS that fits."},
		EventAwaiting:     {AwaitingTransfer, actPerson, "Waits for somebody to transfer it."},
		EventHeld:         {Held, actMend, "Held until something is mended; then it goes on by itself."},
		EventQueued:       {Queued, actSend, "Waits for its turn to be written."},
		EventExpired:      {Expired, actNone, "Its time is over; it is not written."},
		EventRefused:      {Failed, actPerson, "The PMS cannot take it."},
	}
	people := map[string]rule{
		EventDismissed: {Dismissed, actNone, "Somebody decided against it."},
		EventAssigned:  {Queued, actDecide, "Somebody assigned the patient."},
	}
	posted := rule{Written, actNone, "Somebody posted it by hand."}
	retried := rule{Queued, actDecide, "Somebody asked to try it again."}

	filed := rule{Written, actNone, "The same document is in the PMS already."}
	suspect := rule{Uncertain, actVerify, "The store came from a back-up; it is looked for before it is sent."}

	join := func(maps ...map[string]rule) map[string]rule {
		out := map[string]rule{}
		for _, m := range maps {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	return map[State]map[string]rule{
		fresh: decisions,
		Skipped: {
			EventDismissed:  people[EventDismissed],
			EventRetried:    retried,
			EventBackfilled: {Queued, actDecide, "Somebody asked to write what was skipped."},
		},
		NeedsPatient: join(decisions, people, map[string]rule{
			EventRetried:      retried,
			EventMarkedPosted: posted,
			EventSuperseded:   {Superseded, actNone, "A newer one took its place."},
		}),
		AwaitingTransfer: join(people, map[string]rule{
			EventTransferred:  {Queued, actDecide, "Somebody transferred it."},
			EventMarkedPosted: posted,
		}),
		Held: join(decisions, people, map[string]rule{
			EventRetried:      retried,
			EventMarkedPosted: posted,
			EventSuperseded:   {Superseded, actNone, "A newer one took its place."},
			EventFiledBefore:  filed,
		}),
		Queued: join(decisions, people, map[string]rule{
			EventClaimed:      {Writing, actNone, "Being written."},
			EventUnavailable:  {Queued, actSend, "The PMS could not be reached; it is tried again."},
			EventMarkedPosted: posted,
			EventRetried:      retried,
			EventSuperseded:   {Superseded, actNone, "A newer one took its place."},
			EventFiledBefore:  filed,
			EventRestored:     suspect,
		}),
		Writing: {
			EventWritten:      {Written, actNone, "Written to the PMS."},
			EventLegWritten:   {PartiallyPosted, actSend, "One part is in the PMS, the rest follows."},
			EventUnavailable:  {Queued, actSend, "The PMS could not be reached; it is tried again."},
			EventReleased:     {Queued, actSend, "Not sent; it waits for its turn again."},
			EventUnknown:      {Uncertain, actVerify, "The PMS gave no answer; it is looked for before anything is sent again."},
			EventIncomplete:   {PartiallyPosted, actSend, "Written except for a rest, which follows."},
			EventRejected:     {Failed, actPerson, "The PMS refused it."},
			EventHeld:         {Held, actMend, "Held until something is mended; then it goes on by itself."},
			EventConflict:     {Conflict, actPerson, "Somebody in the practice changed the record first; theirs stands."},
			EventUnauthorized: {Held, actMend, "The PMS refuses access; it goes on by itself when that is mended."},
			EventExpired:      {Expired, actNone, "Its time is over; it is not written."},
			EventLapsed:       {Uncertain, actVerify, "The process that was writing it is gone; it is looked for before anything is sent again."},
		},
		Uncertain: {
			EventFound:        {Written, actNone, "Found in the PMS: it had been written."},
			EventLegWritten:   {PartiallyPosted, actSend, "One part was found in the PMS, the rest follows."},
			EventIncomplete:   {PartiallyPosted, actSend, "Found in the PMS except for a rest, which follows."},
			EventAbsent:       {Queued, actSend, "Not in the PMS; it is written now."},
			EventStillUnknown: {Uncertain, actVerify, "The PMS cannot tell yet; it is asked again."},
			EventMarkedPosted: posted,
			EventDismissed:    people[EventDismissed],
			// A person who looked vouches that it is not in the PMS.
			EventRetried: {Queued, actDecide, "Somebody looked it up and asked to write it again."},
		},
		PartiallyPosted: {
			EventClaimed:      {Writing, actNone, "Being written."},
			EventUnavailable:  {PartiallyPosted, actSend, "The PMS could not be reached; the rest is tried again."},
			EventQueued:       {PartiallyPosted, actSend, "The rest follows."},
			EventHeld:         {PartiallyPosted, actMend, "The rest is held until something is mended."},
			EventRefused:      {PartiallyPosted, actPerson, "The PMS cannot take the rest."},
			EventExpired:      {PartiallyPosted, actPerson, "Its time was over before the rest was written."},
			EventRejected:     {PartiallyPosted, actPerson, "The PMS refused the rest."},
			EventConflict:     {PartiallyPosted, actPerson, "The record was changed before the rest was written."},
			EventUnauthorized: {PartiallyPosted, actMend, "The PMS refuses access; the rest goes on by itself when that is mended."},
			EventRetried:      {PartiallyPosted, actSend, "Somebody asked to try the rest again."},
			EventRestored:     suspect,
			EventMarkedPosted: posted,
			EventDismissed:    people[EventDismissed],
		},
		Failed: {
			EventRetried:      retried,
			EventAssigned:     people[EventAssigned],
			EventMarkedPosted: posted,
			EventDismissed:    people[EventDismissed],
		},
		Conflict: {
			EventRetried:   retried,
			EventDismissed: people[EventDismissed],
		},
		Written:    {},
		Superseded: {},
		Expired:    {},
		Dismissed:  {},
	}
}()

// next looks the cell up. ok is false when the state does not allow the event.
func next(s State, event string) (rule, bool) {
	r, ok := stateTable[s][event]
	return r, ok
}

// asPartial is the rule for an item of which some is in the PMS: it never shows
// as not started, wherever it was on the way.
func asPartial(event string, r rule) rule {
	if partial, ok := next(PartiallyPosted, event); ok {
		return partial
	}
	switch r.to {
	case Queued, Held, NeedsPatient, AwaitingTransfer, Failed, Conflict:
		r.to = PartiallyPosted
	}
	return r
}

// wordsFor say to staff what happened in an event.
func wordsFor(e Event) string {
	r, _ := next(e.From, e.Name)
	if e.To == PartiallyPosted {
		r = asPartial(e.Name, r)
	}
	switch mode := e.Reason == ReasonPaused || e.Reason == ReasonPlanOnly; {
	case mode && e.To == Skipped:
		return "Not written: the practice only plans."
	case mode && e.To == Held:
		return "Held until the practice is live; then it goes on by itself."
	}
	return r.words
}

// move takes an item along the table and clears its reason, which the caller
// sets anew. It reports false, and changes nothing, when the state does not
// allow the event.
func (it *item) move(event string) (rule, bool) {
	r, ok := next(it.State, event)
	if !ok {
		return r, false
	}
	if it.begun() {
		r = asPartial(event, r)
	}
	it.State = r.to
	switch r.act {
	case actSend, actVerify:
		it.Active, it.Blocking = true, true
	case actDecide:
		// The caller decides next; until then it is due like any queued item.
		it.Active, it.Blocking = true, true
	default:
		it.Active, it.Blocking = false, r.to == Writing
	}
	it.Reason, it.Cause = "", ""
	return r, true
}
