package opendental_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// issues are the causes that hold something back.
func (h *host) issues() (causes []string) {
	h.t.Helper()
	health, err := h.p.Health(h.t.Context())
	require.NoError(h.t, err)
	for _, i := range health.Issues {
		causes = append(causes, fmt.Sprintf("%s holds %d", i.Cause, i.Count))
	}
	return causes
}

func TestHiddenProviderHoldsEverythingUnderOneCauseUntilItIsBack(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(nil)
	appointment := h.visit(unconfirmed)
	require.NoError(t, h.SetProviderHidden(t.Context(), h.provider, true))
	h.refreshed(driver.Providers, h.provider, false)
	_, rev, err := h.p.Settings(t.Context())
	require.NoError(t, err)
	other := h.chosen()
	other.Payments.Provider = ref(h.provider)
	problems, err := h.p.SaveSettings(t.Context(), other, writeback.Save{Expect: rev, Actor: "dana"})
	require.ErrorIs(t, err, writeback.ErrProblems, "an inactive provider cannot be chosen")
	require.Equal(t, settings.CodeProviderInactive, only(t, problems, func(p settings.Problem) bool { return p.Path == "payments.provider" }).Code)

	keys := []string{"note", "document", "form", "status", "payment"}
	h.note("note", driver.IncomingCall, "Asked about Friday.")
	h.document("document", driver.AccountStatement)
	h.form("form", driver.InformedConsent, "")
	h.status("status", appointment, true, "")
	h.pay("payment", driver.ChannelOnline, 0)
	for _, key := range keys {
		require.Equal(t, driver.ReasonProviderInactive, h.rests(key, writeback.Held).Reason, key)
	}
	cause := fmt.Sprintf("provider_inactive:%d", h.provider)
	require.Equal(t, []string{cause + " holds 5"}, h.issues())
	for _, route := range []string{"POST /commlogs", "POST /documents/Upload", "POST /payments", "PUT /appointments/{AptNum}/Confirm"} {
		require.Zero(t, h.Counts()[route], route)
	}
	require.NoError(t, h.SetProviderHidden(t.Context(), h.provider, false))
	require.NoError(t, h.p.RefreshCatalogs(t.Context()))
	for _, key := range keys {
		h.rests(key, writeback.Written)
	}
	require.Empty(t, h.issues())
	require.EqualValues(t, confirmed, h.confirmedNow(appointment))
}

func TestHiddenDefinitionHoldsWhatNeedsItUntilItIsBackOrAnotherIsChosen(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(nil)
	appointment := h.visit(unconfirmed)
	rows := []struct {
		name    string
		catalog driver.Catalog
		hidden  int64
		submit  func(key string) writeback.Item
		instead func(*settings.Document)
		now     func(key string) int64
	}{
		{"note type", driver.NoteTypes, misc,
			func(key string) writeback.Item { return h.note(key, driver.IncomingCall, "Asked about Friday.") },
			func(d *settings.Document) { d.Notes.Type = ref(insuranceNotes) },
			func(key string) int64 { return h.commlog(h.rests(key, writeback.Written).Legs[0].Ref).CommType }},
		{"folder", driver.DocumentFolders, statements,
			func(key string) writeback.Item { return h.document(key, driver.AccountStatement) },
			func(d *settings.Document) { d.Documents.AccountStatement = ref(miscellaneous) },
			func(key string) int64 { return h.filed(h.rests(key, writeback.Written).Legs[0].Ref).DocCategory }},
		{"payment type", driver.PaymentTypes, h.online,
			func(key string) writeback.Item { return h.pay(key, driver.ChannelOnline, 0) },
			func(d *settings.Document) { d.Payments.Types[driver.ChannelOnline] = ref(h.terminal) },
			func(key string) int64 { return h.posted(h.rests(key, writeback.Written).Legs[0].Ref).PayType }},
		{"status", driver.AppointmentStatuses, confirmed,
			func(key string) writeback.Item { return h.status(key, appointment, true, "") },
			func(d *settings.Document) {
				d.Statuses.Confirmed = append(d.Statuses.Confirmed, ref(texted))
				d.Statuses.ConfirmedTarget = ref(texted)
			},
			func(key string) int64 { h.rests(key, writeback.Written); return h.confirmedNow(appointment) }},
	}
	for _, tc := range rows {
		hide := func(hidden bool) {
			_, err := h.EditDefinition(t.Context(), tc.hidden, func(d *opendentaltest.Definition) { d.IsHidden = hidden })
			require.NoError(t, err)
			h.refreshed(tc.catalog, tc.hidden, !hidden)
		}
		hide(true)
		it := tc.submit(tc.name + " 1")
		require.Equal(t, writeback.Held, it.State, tc.name)
		require.Equal(t, driver.ReasonOptionInactive, it.Reason, tc.name)
		require.Equal(t, fmt.Sprintf("option_inactive:%s:%d", tc.catalog, tc.hidden), it.Cause, tc.name)
		hide(false)
		require.Equal(t, tc.hidden, tc.now(tc.name+" 1"), "%s: it goes on by itself", tc.name)

		require.NoError(t, h.SetConfirmed(t.Context(), appointment, unconfirmed))
		hide(true)
		require.Equal(t, writeback.Held, tc.submit(tc.name+" 2").State, tc.name)
		var other settings.Document
		h.save(func(d *settings.Document) { tc.instead(d); other = *d })
		h.save(func(d *settings.Document) { *d = other })
		require.NotEqual(t, tc.hidden, tc.now(tc.name+" 2"), "%s: it goes by what is chosen now", tc.name)
		hide(false)
		h.save(nil)
	}
	require.Empty(t, h.issues())
}

// Nobody asks for the lists to be read: it is done every CatalogEvery.
func TestChangedListsAreFoundAndShown(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, func(c *writeback.Config) { c.CatalogEvery = 150 * time.Millisecond })
	h.save(nil)
	becomes := func(what string, c driver.Catalog, num int64, is func(driver.Option, bool) bool) {
		h.lists(what, func(cats settings.Catalogs, _ driver.Info) bool { return is(cats.Lookup(c, id(num))) })
	}
	lists, _, _, err := h.p.Catalogs(t.Context())
	require.NoError(t, err)
	o, there := lists.Lookup(driver.PaymentTypes, id(h.online))
	require.True(t, there)
	require.Equal(t, driver.Option{ID: id(h.online), Label: "Acme Payment", Active: true}, o)

	require.NoError(t, h.RenameDefinition(t.Context(), h.online, "Acme Pay"))
	becomes("a new name is found", driver.PaymentTypes, h.online, func(o driver.Option, _ bool) bool { return o.Label == "Acme Pay" })
	require.NoError(t, h.HideDefinition(t.Context(), h.online))
	becomes("a hidden one is found", driver.PaymentTypes, h.online, func(o driver.Option, there bool) bool { return there && !o.Active })
	fresh := h.definition(opendentaltest.CategoryCommLogTypes, "Calls")
	becomes("a new one is found", driver.NoteTypes, fresh, func(_ driver.Option, there bool) bool { return there })
	third, err := h.AddProvider(t.Context(), opendentaltest.Provider{Abbr: "DOC3", FName: "Kim", LName: "Third"})
	require.NoError(t, err)
	becomes("a new provider is found", driver.Providers, third.ProvNum, func(o driver.Option, there bool) bool { return there && o.Active })

	// The hidden one stays visible as broken, and blocks no other change.
	lists, info, _, err := h.p.Catalogs(t.Context())
	require.NoError(t, err)
	choices := settings.Choices(lists, driver.PaymentTypes, info, ref(h.online))
	require.True(t, choices[0].Broken)
	require.Equal(t, id(h.online), choices[0].Ref.ID)
	problems := h.save(func(d *settings.Document) { d.Notes.Type = ref(fresh) })
	broken := only(t, problems, func(p settings.Problem) bool { return p.Path == "payments.types.online" })
	require.Equal(t, settings.Warning, broken.Severity)
	// Pasted: an abbreviation of a provider who is new.
	h.save(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "DOC3"} })
	doc, _, err := h.p.Settings(t.Context())
	require.NoError(t, err)
	require.Equal(t, id(third.ProvNum), doc.Sync.ProviderID.ID)
	require.True(t, slices.ContainsFunc(settings.Choices(lists, driver.NoteTypes, info), func(c settings.Choice) bool { return c.Ref.ID == id(fresh) }))
}
