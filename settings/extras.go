package settings

import "maps"

// extras are members that a stored document has and this version does not know.
// A newer version wrote them, and gets them back.
type extras map[extraKey]string

// extraKey says where a member stands. Elements of lists are told apart by what
// they are, not by where they stand, so that a member stays with its element when
// the list is edited, and goes when the element goes.
type extraKey struct {
	// parent is the path of the object that holds the member, without indices:
	// "notes.enabled", "forms.types".
	parent string
	// anchor is the identity of that object where it may be exchanged for another
	// (the id of a reference, the name of a form type), and "" otherwise.
	anchor string
	// name is the member's name. Its value is compact JSON with sorted keys.
	name string
}

func (e extras) clone() extras { return maps.Clone(e) }
