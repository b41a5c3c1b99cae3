package writeback

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// The issuers' own test numbers.
var testCards = map[string][]string{
	"Visa":             {"4111111111111111", "4242424242424242", "4012888888881881", "4000056655665556", "4222222222222"},
	"Mastercard":       {"5555555555554444", "5105105105105100", "5200828282828210", "2223003122003222", "2720992593319364"},
	"American Express": {"378282246310005", "371449635398431", "341111111111111"},
	"Discover":         {"6011111111111117", "6011000990139424", "6445644564456445", "6510000000000349"},
	"Diners Club":      {"30569309025904", "38520000023237", "36227206271667", "3056930009020004"},
	"JCB":              {"3530111333300000", "3566002020360505", "3566111111111113"},
	"UnionPay":         {"6200000000000005", "6205500000000000004", "6221260000000000"},
	"Maestro":          {"6759649826438453", "5018000000000009"},
}

// inGroups writes a number in groups of these sizes, the last one repeated.
func inGroups(number, gap string, sizes ...int) string {
	var parts []string
	for i := 0; len(number) > 0; i++ {
		n := min(sizes[min(i, len(sizes)-1)], len(number))
		parts, number = append(parts, number[:n]), number[n:]
	}
	return strings.Join(parts, gap)
}

func TestCardNumbersOfAllIssuersAreFoundHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	for issuer, numbers := range testCards {
		for _, number := range numbers {
			forms := []string{number, inGroups(number, "-", 6, 19), inGroups(number, " ", 8, 19)}
			if issuer == "American Express" || len(number) == 14 {
				forms = append(forms, inGroups(number, " ", 4, 6, 5))
			}
			for _, gap := range []string{" ", "-", ".", " - ", "\u00a0", "\u2013", "\u2011"} {
				forms = append(forms, inGroups(number, gap, 4), inGroups(number, gap, 1))
			}
			for _, form := range forms {
				for _, text := range []string{
					form, "card " + form + ".", "Card:" + form + ",exp 12/29", form + " 12/29 123", form + " 1229 123", form + "-1229",
					"call 555-0100 " + form, "2 cards: " + form + " and " + form, "x" + form + "y", "\n" + form + "\n",
					"Zoë said \U0001f4b3" + form, "on 2025-03-01 " + form, "id 7 " + form, "1 " + form,
				} {
					require.True(t, HasCardNumber(text), "%s: %q", issuer, text)
					masked := MaskCardNumbers(text)
					require.False(t, HasCardNumber(masked), "%s: %q", issuer, masked)
					require.Len(t, masked, len(text))
					require.Contains(t, strings.NewReplacer(" ", "", "-", "", ".", "", "\u00a0", "", "\u2013", "", "\u2011", "").Replace(masked), number[len(number)-4:])
				}
			}
		}
	}
}

func TestWhatIsNoCardNumberIsTaken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "Asked about Friday.", "4111", "411111111111", "4111111111111112", "41111111111111111111", "4111111111111111 2"[1:],
		"+1 312 555 0100", "+49 1512 3456 7893", "(312) 555-0100, (312) 555-0199", "312-555-0100 312-555-0199", "555-0100",
		"2025-03-01 09:30 to 2025-03-01 10:15", "$1,500.00 of $2,000.00, deductible $50.00", "D0120 D0274 D1110",
		"4111 1111\n1111 1111", "4111  1111  1111  1111", "12 4 2025 411 11 11 111 111", "1500 250 50 1000 80 100",
		"978-3-16-148410-0", "https://example.com/a/4111-1111", "ICD K02.9, tooth 14, 15",
		"0000000000000000", "1111111111111117", "SN 8901260882299999999",
	} {
		require.False(t, HasCardNumber(text), "%q", text)
		require.Equal(t, text, MaskCardNumbers(text))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		key := randomDigits(random, 12)
		require.False(t, HasCardNumber(legRef(key, key, "payment")))
		require.False(t, HasCardNumber("[Acme (1/3)] "+newItemID()))
	}
}

func randomDigits(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + r.IntN(10))
	}
	return string(b)
}

func TestLongNumbersAreRarelyTakenForCards(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	const tries = 20_000
	taken, tables := 0, 0
	for range tries {
		if HasCardNumber("id " + randomDigits(random, minCardDigits+random.IntN(maxCardDigits-minCardDigits+1))) {
			taken++
		}
		// Phone numbers, prices, codes side by side.
		var row []string
		for range 12 {
			row = append(row, randomDigits(random, 1+random.IntN(5)))
		}
		if HasCardNumber(strings.Join(row, " ")) {
			tables++
		}
	}
	require.Less(t, taken, tries/100)
	require.Positive(t, taken, "nothing is found at all")
	require.Less(t, tables, tries/100)
}

func TestLookingForCardNumbersTakesTimeInProportion(t *testing.T) {
	t.Parallel()
	const size = maxText / 16 // all pairs of places would take a minute
	for _, text := range []string{
		strings.Repeat("4", size), strings.Repeat("4 ", size/2), strings.Repeat("4111 ", size/5),
		strings.Repeat("4-", size/2), strings.Repeat("411111 ", size/7), strings.Repeat("4111 1111 1111 1112 ", size/20),
		strings.Repeat("\u00a0", size/2), strings.Repeat("4 - ", size/4), strings.Repeat("4111111111111111 ", size/17),
	} {
		start := time.Now()
		HasCardNumber(text)
		require.False(t, HasCardNumber(MaskCardNumbers(text)))
		require.Less(t, time.Since(start), 10*time.Second, "%.20q", text)
	}
}

func FuzzCardNumbersAreMaskedWhole(f *testing.F) {
	for _, numbers := range testCards {
		f.Add(numbers[0], "card ", " 12/29")
		f.Add(inGroups(numbers[0], " ", 4), "+", "4111")
	}
	f.Fuzz(func(t *testing.T, number, before, after string) {
		text := before + number + after
		masked := MaskCardNumbers(text)
		require.False(t, HasCardNumber(masked))
		require.Len(t, masked, len(text))
		require.Equal(t, HasCardNumber(text), masked != text)
	})
}

func BenchmarkHasCardNumberWorst(b *testing.B) {
	text := strings.Repeat("4 ", maxText/2)
	for b.Loop() {
		if HasCardNumber(text) {
			b.Fatal("found")
		}
	}
}

func BenchmarkHasCardNumber(b *testing.B) {
	text := strings.Repeat("Patient asked about Friday 10:30, tooth 14, $120.00, call 312-555-0100. ", 60)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if HasCardNumber(text) {
			b.Fatal("found")
		}
	}
}

// fieldsOf gives the fields that a check complains of.
func fieldsOf(check func(*inputCheck)) []string {
	c := inputCheck{e: InputError{Op: "test"}}
	check(&c)
	var fields []string
	for _, f := range c.e.Fields {
		fields = append(fields, f.Field)
	}
	return fields
}

func TestEachFieldIsCheckedByItself(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name  string
		check func(*inputCheck)
		bad   bool
	}{
		{"key", func(c *inputCheck) { c.key("call-8812") }, false},
		{"key of other letters", func(c *inputCheck) { c.key("Anruf/ä 12") }, false},
		{"no key", func(c *inputCheck) { c.key("") }, true},
		{"long key", func(c *inputCheck) { c.key(strings.Repeat("k", maxKey)) }, false},
		{"too long key", func(c *inputCheck) { c.key(strings.Repeat("k", maxKey+1)) }, true},
		{"key with a line break", func(c *inputCheck) { c.key("a\nb") }, true},
		{"key with DEL", func(c *inputCheck) { c.key("a\x7f") }, true},
		{"key that is not UTF-8", func(c *inputCheck) { c.key("a\xff") }, true},
		{"no patient", func(c *inputCheck) { c.patient(Patient{}) }, true},
		{"patient by id", func(c *inputCheck) { c.patient(PatientID("42")) }, false},
		{"patient by host's id", func(c *inputCheck) { c.patient(HostPatient("h-1")) }, false},
		{"patient by phone", func(c *inputCheck) { c.patient(PatientPhone("+1 312 555 0100")) }, false},
		{"patient by name", func(c *inputCheck) {
			c.patient(PatientNamed("Ada", "Lovelace", driver.Date{Year: 1985, Month: 12, Day: 10}))
		}, false},
		{"no such birth date", func(c *inputCheck) {
			c.patient(PatientNamed("Ada", "Lovelace", driver.Date{Year: 1985, Month: 2, Day: 30}))
		}, true},
		{"patient id with spaces", func(c *inputCheck) { c.patient(PatientID(" 42")) }, true},
		{"no time", func(c *inputCheck) { c.at(time.Time{}) }, true},
		{"time", func(c *inputCheck) { c.at(now) }, false},
		{"time before there were any", func(c *inputCheck) { c.at(now.AddDate(-300, 0, 0)) }, true},
		{"time after all", func(c *inputCheck) { c.at(now.AddDate(8000, 0, 0)) }, true},
		{"text", func(c *inputCheck) { c.text("body", Text("Fine.\n\tIndeed."), 20, true) }, false},
		{"long text", func(c *inputCheck) { c.text("body", Text("Too long"), 7, true) }, true},
		{"text that is not UTF-8", func(c *inputCheck) { c.text("body", Text("\xc3\x28"), 7, true) }, true},
		{"card", func(c *inputCheck) { c.text("body", Text("4111 1111 1111 1111"), 99, true) }, true},
		{"amount", func(c *inputCheck) { c.amount("amount", driver.USD(1), false) }, false},
		{"zero amount", func(c *inputCheck) { c.amount("amount", driver.USD(0), false) }, true},
		{"zero amount where it may be", func(c *inputCheck) { c.amount("fee", driver.Money{}, true) }, false},
		{"negative amount", func(c *inputCheck) { c.amount("fee", driver.USD(-1), true) }, true},
		{"a million", func(c *inputCheck) { c.amount("amount", driver.USD(maxAmount), false) }, false},
		{"over a million", func(c *inputCheck) { c.amount("amount", driver.USD(maxAmount+1), false) }, true},
		{"no currency", func(c *inputCheck) { c.amount("amount", driver.Money{Minor: 1}, false) }, true},
		{"currency in small letters", func(c *inputCheck) { c.amount("amount", driver.Money{Minor: 1, Currency: "usd"}, false) }, true},
	} {
		require.Equal(t, tc.bad, len(fieldsOf(tc.check)) > 0, tc.name)
	}
}
