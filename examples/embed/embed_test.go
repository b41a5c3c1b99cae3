package main

func Example() {
	embed("settings.json")
	// Output:
	// saved with [warning: not_checked: Not checked yet: the lists of the PMS have not been read. They are checked as soon as it is reached.]
	// call-1 queued                      Waits for its turn to be written.
	// call-1 held     provider_inactive  Held until something is mended; then it goes on by itself.
	// call-1 queued                      Waits for its turn to be written.
	// call-1 written                     Written to the PMS.
	// ended: context canceled - 1 note in the PMS
}
