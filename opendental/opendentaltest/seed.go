package opendentaltest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// SeedConfig says how large a practice to make up.
type SeedConfig struct {
	// Seed chooses among practices: the same number, the same practice, apart
	// from dates, which lie around the office's clock.
	Seed uint64
	// Patients is how many patients. 0 is 50; negative is none.
	Patients int
	// Providers is how many providers, of whom about one in five is hidden.
	// 0 is 5. The first is a dentist, the second a hygienist, both visible.
	Providers int
	// Operatories is how many operatories. 0 is 4.
	Operatories int
	// Days is how far the appointments reach before and after today. 0 is 15:
	// a month.
	Days int
	// PerDay is how many appointments a working day has. 0 is 8; negative is none.
	PerDay int
	// Photos is how many patients have a photo. 0 is one in five; negative is none.
	Photos int
}

// Seeded is what Seed made, in the order of making.
type Seeded struct {
	Providers    []Provider
	Operatories  []Operatory
	Patients     []Patient
	Appointments []Appointment
	Photos       []Document
	Procedures   []Procedure
}

func (c SeedConfig) withDefaults() SeedConfig {
	count := func(n, standard int) int {
		if n == 0 {
			return standard
		}
		return max(0, n)
	}
	c.Patients = count(c.Patients, 50)
	c.Providers = count(c.Providers, 5)
	c.Operatories = count(c.Operatories, 4)
	c.Days = count(c.Days, 15)
	c.PerDay = count(c.PerDay, 8)
	c.Photos = min(count(c.Photos, c.Patients/5), c.Patients)
	return c
}

// Seed makes up a lifelike practice in an office that has none yet: families
// with birth dates and phones, providers, a month of appointments, treatment
// with fees, insurance, users and photos. All names are invented.
func (o *Office) Seed(ctx context.Context, cfg SeedConfig) (Seeded, error) {
	cfg = cfg.withDefaults()
	var made Seeded
	err := o.write(ctx, func(s *session) error {
		if _, found, err := s.first("patient", ""); err != nil || found {
			return cmpErr(err, errors.New("opendentaltest: seed: the office already has patients"))
		}
		g := &seeder{session: s, cfg: cfg, rnd: rand.New(rand.NewPCG(cfg.Seed, 0x0D)), made: &made}
		for _, step := range []func() error{g.providers, g.operatories, g.users, g.patients, g.appointments, g.photos} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	return made, err
}

type seeder struct {
	*session
	cfg  SeedConfig
	rnd  *rand.Rand
	made *Seeded
}

func (g *seeder) pick(list []string) string { return list[g.rnd.IntN(len(list))] }

func (g *seeder) providers() error {
	for i := range g.cfg.Providers {
		hygienist := i%2 == 1
		p := Provider{
			Abbr: fmt.Sprintf("DOC%d", i/2+1), LName: g.pick(lastNames), FName: g.pick(allFirstNames), Suffix: "DMD",
			ItemOrder: i, IsHidden: i >= 2 && i%5 == 4, ProvColor: -1 << 8 * int64(i%3),
		}
		if hygienist {
			p.Abbr, p.Suffix, p.IsSecondary = fmt.Sprintf("HYG%d", i/2+1), "RDH", true
		}
		r, err := g.insert("provider", g.encode(g.table("provider"), p))
		if err != nil {
			return err
		}
		g.made.Providers = append(g.made.Providers, decode[Provider](g.session, r))
	}
	if len(g.made.Providers) == 0 {
		return nil
	}
	return g.setPreference("PracticeDefaultProv", fmt.Sprint(g.made.Providers[0].ProvNum))
}

// provider is a visible one, of the wanted kind if there is one.
func (g *seeder) provider(hygienist bool) int64 {
	var any int64
	for _, p := range g.made.Providers {
		if p.IsHidden {
			continue
		}
		if p.IsSecondary == hygienist {
			return p.ProvNum
		}
		any = p.ProvNum
	}
	return any
}

func (g *seeder) operatories() error {
	for i := range g.cfg.Operatories {
		hygiene := i%2 == 1
		op := Operatory{OpName: fmt.Sprintf("Operatory %d", i+1), Abbrev: fmt.Sprintf("Op%d", i+1), ItemOrder: i, IsHygiene: hygiene,
			ProvDentist: g.provider(false)}
		if hygiene {
			op.ProvHygienist = g.provider(true)
		}
		r, err := g.insert("operatory", g.encode(g.table("operatory"), op))
		if err != nil {
			return err
		}
		g.made.Operatories = append(g.made.Operatories, decode[Operatory](g.session, r))
	}
	return nil
}

func (g *seeder) users() error {
	for _, name := range []string{"Admin", "FrontDesk", "Hygiene"} {
		if _, err := g.insert("userod", g.encode(g.table("userod"), User{UserName: name, UserGroupNum: 1})); err != nil {
			return err
		}
	}
	for i, t := range []AppointmentType{{AppointmentTypeName: "New Patient Exam", Pattern: "//XXXXXX//"}, {AppointmentTypeName: "Cleaning", Pattern: "/XXXXXXXX/"}} {
		t.ItemOrder = i
		if _, err := g.insert("appointmenttype", g.encode(g.table("appointmenttype"), t)); err != nil {
			return err
		}
	}
	return nil
}

// patients come as families of one to five under one roof and phone.
func (g *seeder) patients() error {
	for len(g.made.Patients) < g.cfg.Patients {
		size := min(1+g.rnd.IntN(5), g.cfg.Patients-len(g.made.Patients))
		last, street := g.pick(lastNames), fmt.Sprintf("%d %s", 10+g.rnd.IntN(990), g.pick(streets))
		city, phone := g.pick(cities), g.phone()
		guarantor := int64(0)
		for i := range size {
			p := Patient{
				LName: last, Address: street, City: city, State: "OR", Zip: fmt.Sprintf("97%03d", g.rnd.IntN(1000)), HmPhone: phone,
				Guarantor: guarantor, PriProv: g.provider(false), Position: 1,
			}
			if p.Gender = Gender(g.rnd.IntN(2)); p.Gender == GenderFemale {
				p.FName = g.pick(femaleNames)
			} else {
				p.FName = g.pick(maleNames)
			}
			age := 25 + g.rnd.IntN(50)
			if i >= 2 { // children
				age, p.Position = 3+g.rnd.IntN(15), 2
			} else {
				p.WirelessPhone = g.phone()
				p.Email = fmt.Sprintf("%s.%s%d@example.com", lower(p.FName), lower(last), len(g.made.Patients))
			}
			p.Birthdate = time.Date(g.now.Year()-age, time.Month(1+g.rnd.IntN(12)), 1+g.rnd.IntN(28), 0, 0, 0, 0, time.UTC)
			if g.rnd.IntN(20) == 0 {
				p.PatStatus = StatusInactive
			}
			r, err := g.insertPatient(g.encode(g.table("patient"), p))
			if err != nil {
				return err
			}
			if guarantor == 0 {
				guarantor = r.id()
			}
			// They came over the years, not all this second.
			came := g.now.AddDate(0, 0, -30-g.rnd.IntN(2000))
			if r, _, err = g.update(r, set{"SecDateEntry": came, "DateFirstVisit": came, "DateTStamp": came}); err != nil {
				return err
			}
			if err := g.insurance(r.id()); err != nil {
				return err
			}
			g.made.Patients = append(g.made.Patients, decode[Patient](g.session, r))
		}
	}
	return nil
}

// phone is a number of the range set aside for fiction.
func (g *seeder) phone() string {
	return fmt.Sprintf("(%d)555-01%02d", 201+g.rnd.IntN(700), g.rnd.IntN(100))
}

func (g *seeder) insurance(patNum int64) error {
	if g.rnd.IntN(2) == 0 {
		return nil
	}
	subscriber, err := g.insert("inssub", set{"PlanNum": int64(1 + g.rnd.IntN(5)), "Subscriber": patNum})
	if err != nil {
		return err
	}
	_, err = g.insert("patplan", set{"PatNum": patNum, "Ordinal": 1, "InsSubNum": subscriber.id(), "SecDateTEntry": g.now})
	return err
}

func (g *seeder) appointments() error {
	if len(g.made.Patients) == 0 || len(g.made.Operatories) == 0 || g.cfg.PerDay == 0 {
		return nil
	}
	for day := -g.cfg.Days; day <= g.cfg.Days; day++ {
		date := g.now.AddDate(0, 0, day)
		if date.Weekday() == time.Sunday || date.Weekday() == time.Saturday {
			continue
		}
		for n := range g.cfg.PerDay {
			if err := g.appointment(date, day, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *seeder) appointment(date time.Time, day, n int) error {
	op := g.made.Operatories[n%len(g.made.Operatories)]
	start := time.Date(date.Year(), date.Month(), date.Day(), 8+n/len(g.made.Operatories), 0, 0, 0, g.o.zone)
	work := treatments[g.rnd.IntN(len(treatments))]
	a := Appointment{
		PatNum: g.made.Patients[g.rnd.IntN(len(g.made.Patients))].PatNum, AptDateTime: start, Op: op.OperatoryNum, ProvNum: op.ProvDentist,
		ProvHyg: op.ProvHygienist, IsHygiene: op.IsHygiene, ProcDescript: work.name, Pattern: "/XXXXXXXXXX/", AptStatus: AptScheduled,
	}
	switch {
	case day < 0 && g.rnd.IntN(12) == 0:
		a.AptStatus = AptBroken
	case day < 0:
		a.AptStatus = AptComplete
	case g.rnd.IntN(3) == 0:
		a.Confirmed = 21 // Confirmed
	}
	r, err := g.insertAppointment(g.encode(g.table("appointment"), a))
	if err != nil {
		return err
	}
	// Made a week before it took place, or before today.
	when := g.now.AddDate(0, 0, min(day, 0)-7)
	if r, _, err = g.update(r, set{"SecDateTEntry": when, "DateTStamp": when}); err != nil {
		return err
	}
	g.made.Appointments = append(g.made.Appointments, decode[Appointment](g.session, r))
	if a.AptStatus != AptComplete {
		return nil
	}
	p, err := g.insert("procedurelog", g.encode(g.table("procedurelog"), Procedure{
		PatNum: a.PatNum, AptNum: r.id(), ProcDate: start, ProcFee: work.fee, ProcStatus: procComplete, ProvNum: a.ProvNum,
	}))
	g.made.Procedures = append(g.made.Procedures, decode[Procedure](g.session, p))
	return err
}

func (g *seeder) photos() error {
	for i := range g.cfg.Photos {
		patient, err := g.must("patient", g.made.Patients[i*len(g.made.Patients)/g.cfg.Photos].PatNum)
		if err != nil {
			return err
		}
		category, err := g.patientPictures()
		if err != nil {
			return err
		}
		r, err := g.insertDocument(set{"PatNum": patient.id(), "DocCategory": category, "ImgType": imgPhoto, "DateCreated": g.now.AddDate(0, 0, -20)})
		if err != nil {
			return err
		}
		content := portrait(uint8(g.rnd.UintN(256)), uint8(g.rnd.UintN(256)))
		if r, err = g.storeFile(patient, r, fileName(patient, r.id(), ".png"), content); err != nil {
			return err
		}
		doc := decode[Document](g.session, r)
		doc.Content = content
		g.made.Photos = append(g.made.Photos, doc)
	}
	return nil
}
