package sqlpms

import (
	"fmt"
	"strings"
)

// Procedure is what the engine's catalog says of a procedure that a driver calls.
type Procedure struct {
	// Found is false for one that is not there, or not to be seen.
	Found bool
	// Parameters are what it takes, in their order.
	Parameters []Parameter
}

// Parameter is what a procedure takes.
type Parameter struct {
	Name string
	// Width is the room of a text; 0 where the catalog does not say.
	Width int64
}

// Given is an argument as a driver's configuration has it.
type Given struct {
	// Name is checked where both sides have one.
	Name string
	// Room is how many characters have to fit; 0 is not checked.
	Room int64
	// What is the text that has to fit, for staff: "the key".
	What string
}

// Misfits says everything in which arguments differ from a procedure, in half
// sentences for staff. by is who gives them: "the profile".
func (p Procedure) Misfits(name, by string, args []Given) []string {
	if !p.Found {
		return []string{"there is no procedure " + name + ", or this program may not call it"}
	}
	if len(p.Parameters) != len(args) {
		return []string{fmt.Sprintf("%s takes %d arguments, and %s gives %d", name, len(p.Parameters), by, len(args))}
	}
	var out []string
	for i, a := range args {
		is := p.Parameters[i]
		if a.Name != "" && is.Name != "" && !strings.EqualFold(a.Name, is.Name) {
			out = append(out, fmt.Sprintf("argument %d of %s is called %s, and %s says %s", i+1, name, is.Name, by, a.Name))
		}
		if is.Width > 0 && is.Width < a.Room {
			out = append(out, fmt.Sprintf("argument %d of %s has room for %d characters, and %s has %d", i+1, name, is.Width, a.What, a.Room))
		}
	}
	return out
}
