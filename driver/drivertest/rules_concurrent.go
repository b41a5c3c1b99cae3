package drivertest

import (
	"fmt"

	"github.com/pmswriteback/pms/driver"
)

func concurrencyRules() []rule {
	return []rule{
		{
			name:        "concurrent/calls",
			explanation: "Up to Info.MaxCalls calls run at once on one connection, writes and reads mixed, and each has its own effect and its own answer. Run with -race.",
			try: func(c *checker) {
				s := c.open()
				c.manyAtOnce(max(1, min(s.info.MaxCalls, 8)), s)
			},
		}, {
			name:        "concurrent/connections",
			explanation: "Several connections to one PMS work at once: a fleet runs one for each process.",
			try: func(c *checker) {
				c.manyAtOnce(1, c.open(), c.open())
			},
		},
	}
}

// manyAtOnce runs as many works as calls on each session, all prepared before.
func (c *checker) manyAtOnce(calls int, sessions ...*session) {
	type task struct {
		w  *work
		id string
	}
	var tasks []*task
	var running []<-chan struct{}
	start := make(chan struct{})
	for _, s := range sessions {
		var kinds []driver.OpKind
		for _, k := range driver.OpKinds() {
			if s.info.Ops[k].Supported && k != driver.OpRefund {
				kinds = append(kinds, k)
			}
		}
		if len(kinds) == 0 {
			c.notApplicable("the PMS takes no writes")
		}
		for i := range calls {
			t := &task{w: s.work(kinds[i%len(kinds)])}
			tasks = append(tasks, t)
			running = append(running, c.run(func() {
				<-start
				r, err := t.w.write()
				if err != nil {
					c.Errorf("Write(%s): %v", t.w.kind, err)
					return
				}
				t.id = r.ID
				if s.info.Find[driver.FindByID].Supported {
					got, err := s.find(c.ctx, driver.PatientQuery{ID: t.w.patient})
					if err != nil || len(got) != 1 || got[0].ID != t.w.patient {
						c.Errorf("FindPatients by id among other calls: %d patients, error %v, or another's", len(got), err)
					}
				}
			}))
		}
	}
	close(start)
	for _, done := range running {
		<-done
	}
	seen := map[string]bool{}
	for _, t := range tasks {
		t.w.want(1, fmt.Sprintf("%d calls at once on %d connections", calls, len(sessions)))
		key := string(t.w.kind) + " " + t.id
		if t.w.kind != driver.OpStatus && t.id != "" && seen[key] {
			c.Errorf("two writes got the receipt %q", t.id)
		}
		seen[key] = true
	}
}
