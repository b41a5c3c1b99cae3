package writeback

// maskCards masks the card numbers in every text that is checked for them, and
// says how many there were. It comes before anything is hashed, sealed or
// stored.
func (p *payload) maskCards() int {
	texts := []*string{&p.Patient.First, &p.Patient.Last}
	if n := p.Note; n != nil {
		texts = append(texts, &n.Subject, &n.Body, &n.User, &n.Result)
		for i := range n.Attachments {
			texts = append(texts, &n.Attachments[i])
		}
	}
	if d := p.Document; d != nil {
		texts = append(texts, &d.Title)
	}
	if pay := p.Payment; pay != nil {
		texts = append(texts, &pay.Memo)
	}
	if r := p.Refund; r != nil {
		texts = append(texts, &r.Memo)
	}
	found := 0
	for _, text := range texts {
		masked, n := maskCards(*text)
		*text, found = masked, found+n
	}
	return found
}

// check begins the check of what the host submits.
func (v Via) check(op string) inputCheck {
	return inputCheck{e: InputError{Op: op}, mask: v.p.e.cfg.MaskCards}
}
