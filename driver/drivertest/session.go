package drivertest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// session is a connection whose every error, cursor and receipt is watched.
type session struct {
	c    *checker
	conn driver.Conn
	info driver.Info
	// What the case works with, chosen once: a PMS may be slow to ask.
	chosen   map[string]string
	settable []string
}

func (s *session) saw(call Call, err error) { s.c.suite.watch.call(s.c.Name(), call, err) }

func (s *session) opaque(what, text string) { s.c.suite.watch.opaque(s.c.Name(), what, text) }

func (s *session) readInfo(ctx context.Context) (driver.Info, error) {
	info, err := s.conn.Info(ctx)
	s.saw(CallInfo, err)
	return info, err
}

func (s *session) ping(ctx context.Context) error {
	err := s.conn.Ping(ctx)
	s.saw(CallPing, err)
	return err
}

func (s *session) readCatalog(ctx context.Context, cat driver.Catalog) ([]driver.Option, error) {
	out, err := driver.ReadCatalog(ctx, s.conn, cat)
	s.saw(CallCatalog, err)
	return out, err
}

func (s *session) find(ctx context.Context, q driver.PatientQuery) ([]driver.Patient, error) {
	out, err := driver.FindPatients(ctx, s.conn, q)
	s.saw(CallFind, err)
	return out, err
}

func (s *session) changes(ctx context.Context, q driver.ChangesQuery) (driver.Page, error) {
	page, err := driver.ReadChanges(ctx, s.conn, q)
	s.saw(CallChanges, err)
	s.opaque("cursor", page.Next)
	for _, p := range page.Photos {
		s.opaque("photo's tag", p.Tag)
	}
	return page, err
}

func (s *session) window(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	page, err := driver.ReadWindow(ctx, s.conn, q)
	s.saw(CallWindow, err)
	s.opaque("token", page.Next)
	return page, err
}

func (s *session) appointment(ctx context.Context, id string) (driver.Appointment, error) {
	a, err := driver.ReadAppointment(ctx, s.conn, id)
	s.saw(CallAppointment, err)
	return a, err
}

func (s *session) photo(ctx context.Context, id string) ([]byte, error) {
	r, err := driver.OpenPhoto(ctx, s.conn, id)
	s.saw(CallPhoto, err)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, 1<<20))
	s.saw(CallPhoto, err)
	return b, err
}

// write does what the engine does: it notes when the op is sent, and sends it.
func (s *session) write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	now := time.Now()
	h := op.Head()
	if h.FirstSent.IsZero() {
		h.FirstSent = now
	}
	h.LastSent = now
	r, err := driver.Write(ctx, s.conn, op)
	s.saw(CallWrite, err)
	s.opaque("receipt's id", r.ID)
	s.opaque("receipt's state", r.State)
	if e := driver.WriteError(err); e != nil {
		s.opaque("receipt's id", e.Receipt.ID)
		s.opaque("receipt's state", e.Receipt.State)
	}
	return r, err
}

func (s *session) verify(ctx context.Context, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	v, r, err := driver.Verify(ctx, s.conn, op)
	s.saw(CallVerify, err)
	s.opaque("receipt's id", r.ID)
	return v, r, err
}

// verifyLate asks when no earlier request can be under way any more: it sets the
// times of sending back by the driver's VerifyAfter and some more.
func (s *session) verifyLate(op driver.Op) (driver.Verdict, driver.Receipt, error) {
	h := op.Head()
	first, last := h.FirstSent, h.LastSent
	defer func() { h.FirstSent, h.LastSent = first, last }()
	h.LastSent = time.Now().Add(-s.info.Ops[op.Kind()].VerifyAfter - 2*time.Minute)
	h.FirstSent = h.LastSent
	return s.verify(s.c.ctx, op)
}

// needOp ends the case unless the PMS offers the operation.
func (s *session) needOp(kind driver.OpKind) driver.OpInfo {
	info := s.info.Ops[kind]
	if !info.Supported {
		s.c.notApplicable("%s: %s", kind, info.Why)
	}
	return info
}

func (s *session) needVerify() {
	if _, ok := s.conn.(driver.Verifier); !ok {
		s.c.notApplicable("the connection is no driver.Verifier")
	}
}

func (s *session) needCatalog(cat driver.Catalog) {
	if sup := s.info.Catalogs[cat]; !sup.Supported {
		s.c.notApplicable("%s: %s", cat, sup.Why)
	}
}

func (s *session) needFind(by driver.FindBy) {
	if sup := s.info.Find[by]; !sup.Supported {
		s.c.notApplicable("%s: %s", by, sup.Why)
	}
}

func (s *session) needChanges(feed driver.Feed) driver.FeedInfo {
	info := s.info.Feeds[feed]
	if !info.Supported {
		s.c.notApplicable("%s: %s", feed, info.Why)
	}
	if !info.Changes {
		s.c.notApplicable("%s is read by windows alone", feed)
	}
	return info
}

func (s *session) needWindow(feed driver.Feed) {
	info := s.info.Feeds[feed]
	if !info.Supported {
		s.c.notApplicable("%s: %s", feed, info.Why)
	}
	if !info.Window {
		s.c.notApplicable("%s is read by changes alone", feed)
	}
}

// option gives an active option of a catalog, the harness's choice first.
func (s *session) option(kind driver.OpKind, cat driver.Catalog) string {
	if id := s.c.suite.h.Options[kind]; id != "" {
		return id
	}
	key := string(cat)
	if id := s.chosen[key]; id != "" {
		return id
	}
	opts := s.catalog(cat)
	i := slices.IndexFunc(opts, func(o driver.Option) bool { return o.Active && !o.Lowers })
	if i < 0 {
		s.c.Fatalf("the catalog %s has no active option that fits", cat)
	}
	if s.chosen == nil {
		s.chosen = map[string]string{}
	}
	s.chosen[key] = opts[i].ID
	return opts[i].ID
}

func (s *session) catalog(cat driver.Catalog) []driver.Option {
	opts, err := s.readCatalog(s.c.ctx, cat)
	if err != nil {
		s.c.Fatalf("ReadCatalog(%s): %v", cat, err)
	}
	return opts
}

// provider gives an active provider, or "" where there is no catalog of them.
func (s *session) provider() string {
	if !s.info.Catalogs[driver.Providers].Supported {
		return ""
	}
	return s.option("", driver.Providers)
}

// statuses gives n different statuses that say nothing about an arrival.
func (s *session) statuses(n int) []string {
	if len(s.settable) >= n {
		return s.settable[:n]
	}
	var out []string
	for _, o := range s.catalog(driver.AppointmentStatuses) {
		switch o.Role {
		case driver.RoleArrived, driver.RoleSeated, driver.RoleCompleted:
			continue
		}
		if o.Active {
			out = append(out, o.ID)
		}
	}
	for can, _ := s.c.adds(driver.AppointmentStatuses); can && len(out) < n; {
		out = append(out, s.c.pms.Staff.AddOption(driver.AppointmentStatuses, "Extra "+letters(len(out))))
	}
	s.settable = out
	if len(out) < n {
		s.c.notProved("Staff.AddOption", fmt.Sprintf("the PMS has only %d statuses that can be set back and forth", len(out)))
	}
	return out[:n]
}
