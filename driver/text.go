package driver

import (
	"fmt"
	"log/slog"
	"time"
)

const redacted = "[redacted]"

// Text is text that may hold patient data: a name, a note, a phone number. It
// prints as "[redacted]" through fmt, log/slog and encoding/json, and keeps its
// value behind a pointer, so that even the printing of a struct's unexported
// fields (which bypasses methods) shows no more than an address.
//
// The zero value is the empty text. Two Texts are compared with Equal; == and
// map keys compare identity. Only [Text.Reveal] gives the value back.
type Text struct{ p *string }

// NewText wraps s.
func NewText(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{&s}
}

// Reveal returns the text itself. Whoever calls it answers for where it goes.
func (t Text) Reveal() string {
	if t.p == nil {
		return ""
	}
	return *t.p
}

// IsEmpty reports whether the text is empty.
func (t Text) IsEmpty() bool { return t.p == nil || *t.p == "" }

// Equal reports whether both hold the same text.
func (t Text) Equal(u Text) bool { return t.Reveal() == u.Reveal() }

// String returns "[redacted]", or "" for the empty text.
func (t Text) String() string {
	if t.IsEmpty() {
		return ""
	}
	return redacted
}

// Format prints String for every verb.
func (t Text) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.String()) }

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON gives the redacted form. It cannot be read back: stores use
// Reveal.
func (t Text) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// MarshalText gives the redacted form.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Secret is a credential. It prints like [Text], and is never put in an error.
type Secret struct{ t Text }

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{NewText(s)} }

// Reveal returns the credential.
func (s Secret) Reveal() string { return s.t.Reveal() }

// IsEmpty reports whether there is no credential.
func (s Secret) IsEmpty() bool { return s.t.IsEmpty() }

// String returns "[redacted]", or "" when empty.
func (s Secret) String() string { return s.t.String() }

// Format prints String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.t.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return s.t.LogValue() }

// MarshalJSON gives the redacted form.
func (s Secret) MarshalJSON() ([]byte, error) { return s.t.MarshalJSON() }

// MarshalText gives the redacted form.
func (s Secret) MarshalText() ([]byte, error) { return s.t.MarshalText() }

// Date is a day of the Gregorian calendar without a time zone, such as a
// payment's posting date. The zero value is no date. Dates compare with ==.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the day of t in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// ParseDate reads "2006-01-02". The empty string is no date.
func ParseDate(s string) (Date, error) {
	if s == "" {
		return Date{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		// The value is left out: it may be a birth date.
		return Date{}, fmt.Errorf("driver: not a date of the form YYYY-MM-DD")
	}
	return DateOf(t), nil
}

// IsZero reports whether there is no date.
func (d Date) IsZero() bool { return d == Date{} }

// Valid reports whether d is a real day.
func (d Date) Valid() bool { return !d.IsZero() && DateOf(d.In(time.UTC)) == d }

// In returns the first moment of d in loc.
func (d Date) In(loc *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, loc)
}

// String returns "2006-01-02", or "" for no date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// BirthDate is a patient's date of birth: a [Date] that prints like [Text].
// The zero value is unknown.
//
// Two pointers, because fmt follows one to a struct when it prints an unexported
// field with a verb that does not fit.
type BirthDate struct{ p **Date }

// NewBirthDate wraps d; a zero d is unknown.
func NewBirthDate(d Date) BirthDate {
	if d.IsZero() {
		return BirthDate{}
	}
	p := &d
	return BirthDate{&p}
}

// Reveal returns the date itself.
func (b BirthDate) Reveal() Date {
	if b.p == nil {
		return Date{}
	}
	return **b.p
}

// IsZero reports whether the date is unknown.
func (b BirthDate) IsZero() bool { return b.Reveal().IsZero() }

// Equal reports whether both are the same known or both unknown.
func (b BirthDate) Equal(c BirthDate) bool { return b.Reveal() == c.Reveal() }

// String returns "[redacted]", or "" when unknown.
func (b BirthDate) String() string {
	if b.IsZero() {
		return ""
	}
	return redacted
}

// Format prints String for every verb.
func (b BirthDate) Format(f fmt.State, _ rune) { fmt.Fprint(f, b.String()) }

// LogValue implements slog.LogValuer.
func (b BirthDate) LogValue() slog.Value { return slog.StringValue(b.String()) }

// MarshalJSON gives the redacted form.
func (b BirthDate) MarshalJSON() ([]byte, error) { return []byte(`"` + b.String() + `"`), nil }

// MarshalText gives the redacted form.
func (b BirthDate) MarshalText() ([]byte, error) { return []byte(b.String()), nil }
