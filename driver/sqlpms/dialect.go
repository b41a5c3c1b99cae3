package sqlpms

// Dialect is what engines do each in their own way. A driver has one, as data.
type Dialect struct {
	// Name is the engine's, in staff words: "SQL Anywhere".
	Name string
	// Ping is the cheapest statement that the engine has to answer, with at least
	// one row. ODBC itself cannot tell that a connection is dead.
	Ping string
	// Classify says what an error means that has a meaning of its own in this
	// engine or PMS. A Fault without a Class leaves it to [ByState]. It may be nil.
	Classify func(Diagnosis) Fault
}
