package writeback_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// cardForms are one number as people and programs write it.
var cardForms = []string{card, "4111111111111111", "4111-1111-1111-1111", "4111.1111.1111.1111", "4111\u200b1111\u200b1111\u200b1111"}

// showsCard reports whether more than the last four digits of the number are to be
// seen, however they are parted.
func showsCard(out string) bool {
	for _, gap := range []string{"", " ", "-", ".", "\u200b", `\u200b`, " | ", "\n", `\n`} {
		if strings.Contains(out, "4111"+gap+"1111") || strings.Contains(out, "1111"+gap+"1111") {
			return true
		}
	}
	return false
}

// submitCards submits items with a card number in every text that is guarded.
func submitCards(b *bed, at time.Time, number string) []writeback.Item {
	ctx, text := b.t.Context(), writeback.Text("pays by "+number+" today")
	n := b.note("note")
	n.At, n.Kind, n.Subject, n.Body, n.User, n.Result = at, driver.OutgoingEmail, text, text, text.Reveal(), text.Reveal()
	n.Attachments = []driver.Text{writeback.Text("a.pdf"), text}
	mail := b.note("html")
	mail.At, mail.Kind, mail.Body = at, driver.IncomingEmail, driver.Text{}
	half := len(number) / 2
	for half > 0 && number[half]&0xc0 == 0x80 {
		half--
	}
	mail.HTML = writeback.Text("<p>pays by <b>" + number[:half] + "</b>" + number[half:] + "<td>4111</td><td>1111</td><td>1111</td><td>1111</td>")
	d, f := b.document("document"), b.form("form")
	d.At, d.Title, f.At, f.Title = at, text, at, text
	pay := b.payment("payment")
	pay.At, pay.Memo = at, text
	named := b.note("named")
	named.At, named.Patient = at, writeback.PatientNamed(number, "Lovelace "+number, driver.Date{Year: 1985, Month: 12, Day: 10})
	return []writeback.Item{
		b.must(b.p.WriteNote(ctx, n)), b.must(b.p.WriteNote(ctx, mail)), b.must(b.p.WriteDocument(ctx, d)), b.must(b.p.SubmitForm(ctx, f)),
		b.must(b.p.PostPayment(ctx, pay)), b.must(b.p.Refund(ctx, writeback.Refund{Key: "refund", Payment: "payment", Amount: driver.USD(1), At: at, Memo: text})),
		b.must(b.p.WriteNote(ctx, named)),
	}
}

func TestShownCardNumbersAreSeen(t *testing.T) {
	t.Parallel()
	for _, number := range append(cardForms, "4111 | 1111 | 1111 | 1111", `4111\n1111`) {
		require.True(t, showsCard("pays by "+number), number)
	}
	require.False(t, showsCard("**** **** **** 1111 | 1112"))
}

func TestMaskedCardNumbersAreNowhereInStoreOrPMS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *writeback.Config) { c.MaskCards = true })
		b.start()
		b.save(nil)
		at := time.Now()
		items := submitCards(b, at, card)
		for i, want := range []int{5, 2, 1, 1, 1, 1, 2} {
			require.Equal(t, want, items[i].Masked, "%s", items[i].Key)
		}
		for i, again := range submitCards(b, at, card) {
			require.Equal(t, items[i].ID, again.ID, "same key and content")
			require.Equal(t, items[i].Masked, again.Masked)
		}
		n := b.note("plain")
		n.Body = writeback.Text("Call 312-555-0100 or 2025-03-01")
		require.Zero(t, b.must(b.p.WriteNote(t.Context(), n)).Masked)
		b.pass(time.Minute)
		for _, key := range []string{"note", "html", "document", "form", "payment", "refund", "plain"} {
			b.requireState(key, writeback.Written)
		}
		b.requireState("named", writeback.NeedsPatient)

		kept, written := &sieve{}, &sieve{}
		stored(b, kept)
		for _, note := range b.pms.Notes() {
			fmt.Fprintln(written, note.Body.Reveal())
		}
		for _, d := range b.pms.Documents() {
			fmt.Fprintln(written, d.Title.Reveal())
		}
		fmt.Fprintln(written, b.pms.Payments()[0].Memo.Reveal(), b.pms.Refunds()[0].Memo.Reveal())
		for where, out := range map[string]string{"store": kept.String(), "PMS": written.String()} {
			require.True(t, strings.Contains(out, "**** **** **** 1111"), where)
			require.True(t, strings.Contains(out, "312-555-0100"), where)
			require.False(t, showsCard(out), where)
		}
		b.stopped()
	})
}

func TestCardNumbersAreMaskedHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, number := range cardForms {
		b := newBed(t, func(c *writeback.Config) { c.MaskCards = true })
		for _, it := range submitCards(b, time.Now(), number) {
			require.Positive(t, it.Masked, "%s %q", it.Key, number)
		}
		kept := &sieve{}
		stored(b, kept)
		require.False(t, showsCard(kept.String()), number)
	}
}
