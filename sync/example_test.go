package sync_test

import (
	"context"
	"fmt"
	"time"

	pmssync "github.com/pmswriteback/pms/sync"
)

// Whoever commits takes along what others brought in the meantime.
func ExampleCommitter() {
	var ledger []string
	committer := pmssync.NewCommitter(func(_ context.Context, batch []string) []error {
		ledger = append(ledger, batch...) // one transaction
		return make([]error, len(batch))
	}, pmssync.CommitterConfig{})

	errs := committer.Do(context.Background(), "note 1", "note 2")
	fmt.Println(errs, ledger)
	// Output: [<nil> <nil>] [note 1 note 2]
}

// One function, called for each practice when it wants to be.
func ExampleRunner() {
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	runner, err := pmssync.NewRunner(pmssync.RunnerConfig{
		Spread: -1,
		Step: func(_ context.Context, practice string) (time.Duration, error) {
			steps++
			fmt.Println(practice, "step", steps)
			if steps == 2 {
				cancel()
			}
			return 10 * time.Millisecond, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	runner.Add("main-street")
	fmt.Println(runner.Run(ctx))
	// Output:
	// main-street step 1
	// main-street step 2
	// <nil>
}

// Loops come due by their intervals; the caller brings the clock.
func ExampleDue() {
	due := pmssync.NewDue(nil)
	due.Set("statuses", 15*time.Second)
	due.Set("patients", 30*time.Second)

	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	names, _ := due.Next(now)
	fmt.Println(names)
	for _, name := range names {
		due.Ran(name, now, now.Add(time.Second))
	}
	names, next := due.Next(now.Add(time.Second))
	fmt.Println(names, next.Format(time.TimeOnly))
	// Output:
	// [statuses patients]
	// [] 08:00:15
}

// The payments of one patient keep their order; others do not wait for them.
func ExampleRunLanes() {
	type payment struct{ patient, amount string }
	payments := []payment{{"A", "10.00"}, {"B", "25.00"}, {"A", "12.50"}}
	left := pmssync.RunLanes(context.Background(), payments,
		func(p payment) string { return p.patient }, 1,
		func(_ context.Context, p payment) bool {
			fmt.Println(p.patient, p.amount)
			return p.patient != "A" // A's first one failed: the second must wait
		})
	fmt.Println("left:", left)
	// Output:
	// A 10.00
	// B 25.00
	// left: [{A 12.50}]
}
