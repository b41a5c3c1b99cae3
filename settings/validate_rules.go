package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// statuses checks that what the host writes and what it reads agree: otherwise a
// status would go back and forth between the two for ever.
func (c *check) statuses() {
	s := c.doc.Statuses
	yes, no := s.ConfirmedTarget, s.UnconfirmedTarget
	if !yes.IsZero() && !c.doc.IsConfirmed(yes.ID) {
		c.fail("statuses.confirmed_target", CodeTargetNotInSet, fmt.Sprintf(
			"%s does not count as confirmed, so that an appointment confirmed in the host application would be taken for unconfirmed again. Add it to Confirmed Appointment Status, or choose another one.",
			sentence(c.statusName(yes))))
	}
	if !no.IsZero() && c.doc.IsConfirmed(no.ID) {
		c.fail("statuses.unconfirmed_target", CodeTargetInSet, fmt.Sprintf(
			"%s counts as confirmed, so that an appointment unconfirmed in the host application would be taken for confirmed again. Remove it from Confirmed Appointment Status, or choose another one.",
			sentence(c.statusName(no))))
	}
	if !yes.IsZero() && yes.ID == no.ID {
		c.fail("statuses.unconfirmed_target", CodeTargetsEqual,
			"Confirmed and unconfirmed are written as the same status. Choose two different ones, or do not write one of them.")
	}
	c.targetRole("statuses.confirmed_target", yes, true)
	c.targetRole("statuses.unconfirmed_target", no, false)

	if len(s.Confirmed) == 0 {
		if _, on := c.doc.Interval(driver.AppointmentStatusFeed); on {
			c.warn("statuses.confirmed", CodeNothingConfirmed,
				"Nothing counts as confirmed yet. Choose every status of the PMS that means confirmed, or switch off the interval Appointment Status.")
		}
	}
	c.confirmedSet(s.Confirmed)
}

// targetRole checks what the PMS itself says about a status that is to be written.
func (c *check) targetRole(path string, r Ref, confirmed bool) {
	o, ok := c.cats.Lookup(driver.AppointmentStatuses, r.ID)
	if r.IsZero() || !ok {
		return
	}
	switch role := o.Role; {
	case role == driver.RoleArrived, role == driver.RoleSeated, role == driver.RoleCompleted:
		f := byPath(path)
		saved := c.before != nil && f.get(c.before).(Ref).ID == r.ID
		c.report(unless(saved), path, CodeTargetRole, fmt.Sprintf(
			"%s marks the patient as %s in %s and may set a time. Choose a status that says only whether the appointment is confirmed.",
			sentence(c.statusName(r)), role, productName(c.info)))
	case confirmed && role == driver.RoleUnconfirmed, !confirmed && role == driver.RoleConfirmed:
		c.warn(path, CodeTargetRole, fmt.Sprintf("%s means %s in %s. Check that it is the one to write here.",
			sentence(c.statusName(r)), role, productName(c.info)))
	case confirmed && role == driver.RoleOutreach:
		c.warn(path, CodeTargetRole, fmt.Sprintf("%s says in %s that a message was sent, not that the patient confirmed.",
			sentence(c.statusName(r)), productName(c.info)))
	}
}

// confirmedSet looks for doubles and for statuses that mean only that a message
// was sent.
func (c *check) confirmedSet(set []Ref) {
	seen := map[string]bool{}
	for i, r := range set[:min(len(set), MaxItems)] {
		path := indexed("statuses.confirmed", i)
		if r.IsZero() {
			continue // reported as a reference
		}
		if seen[r.ID] {
			c.warn(path, CodeDuplicate, fmt.Sprintf("%s is in the list twice. Remove one.", sentence(c.statusName(r))))
			continue
		}
		seen[r.ID] = true
		label, role := r.Label, driver.RoleNone
		if o, ok := c.cats.Lookup(driver.AppointmentStatuses, r.ID); ok {
			label, role = o.Label, o.Role
		}
		if role == driver.RoleOutreach || (role == driver.RoleNone && soundsLikeOutreach(label)) {
			c.warn(path, CodeSoundsLikeOutreach, fmt.Sprintf(
				"%s sounds as if a message was sent, not as if the patient confirmed. Appointments with it show as confirmed.", sentence(c.statusName(r))))
		}
	}
}

// statusName is the status as the PMS calls it now.
func (c *check) statusName(r Ref) string {
	if o, ok := c.cats.Lookup(driver.AppointmentStatuses, r.ID); ok {
		return shown(refTo(o))
	}
	return shown(r)
}

// outreach holds what the names of statuses that only tell of a message contain,
// in lower case and without spaces and punctuation.
var outreach = []string{
	"texted", "textsent", "senttext", "textmsg", "smssent", "sentsms",
	"emailed", "emailsent", "sentemail", "mailed",
	"leftmsg", "leftmessage", "leftvm", "leftvoicemail", "voicemail", "lmom", "messagesent", "msgsent",
	"econfirmsent", "remindersent", "noanswer", "phonebusy", "linebusy", "callback", "calledback", "disconnected", "attempted",
}

// soundsLikeOutreach reports whether a status's name tells of a message rather
// than of an answer.
func soundsLikeOutreach(label string) bool {
	l := blurred(strings.ReplaceAll(label, "/", ""))
	// LMM, LMP and the like are how Dentrix's own list shortens "left message".
	if l == "lm" || l == "lmm" || l == "lmp" || l == "vm" {
		return true
	}
	return slices.ContainsFunc(outreach, func(o string) bool { return strings.Contains(l, o) })
}

// formTypes checks the host's own form types.
func (c *check) formTypes() {
	types := c.doc.Forms.Types
	types = types[:min(len(types), MaxItems)]
	for i, t := range types {
		path := indexed("forms.types", i)
		saved := c.before != nil && slices.Contains(c.before.Forms.Types, t)
		switch bad := badText(t.Name, MaxLabelLength); {
		case strings.TrimSpace(t.Name) == "":
			c.fail(path+".name", CodeInvalidText, "The form type has no name. Enter the name that the host application uses.")
		case bad != "":
			c.fail(path+".name", CodeInvalidText, fmt.Sprintf("The name of the form type %s. Enter it again.", bad))
		case slices.ContainsFunc(types[:i], func(o FormType) bool { return sameName(o.Name, t.Name) }):
			c.fail(path+".name", CodeDuplicate, fmt.Sprintf("The form type %s is in the list twice. Remove one.", quoted(t.Name)))
		}
		if !t.Category.Valid() {
			var suggestions []string
			if near := nearest(string(t.Category), categoryNames()); near != "" {
				suggestions = []string{near}
			}
			c.report(unless(saved), path+".category", CodeUnknownKey,
				fmt.Sprintf("%s is no category of forms. Choose one of: %s.", quoted(string(t.Category)), strings.Join(categoryNames(), ", ")), suggestions...)
		}
	}
}

// payments checks that payments which are to be posted have what they need.
func (c *check) payments() {
	p := c.doc.Payments
	typed := false
	for _, ch := range driver.PaymentChannels() {
		typed = typed || !p.Types[ch].IsZero()
	}
	if p.Auto && !typed {
		c.warn("payments.auto", CodeNotConfigured,
			"No payment is posted by itself until a payment type is chosen. Each payment waits for the type of its channel.")
	}
	if p.Separate && typed && p.SurchargeType.IsZero() {
		c.warn("payments.surcharge_type", CodeNotConfigured,
			"Payments with a fee wait until a payment type for surcharges is chosen, because Separate Payments and Fees is on.")
	}
	if !p.Separate && !p.OffsetFee.IsZero() {
		c.warn("payments.offset_fee", CodeNoEffect,
			"It has no effect, because fees are posted together with the payment. Switch on Separate Payments and Fees, or clear it.")
	}
}
