package drivertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Everything that the suite makes up about patients holds one of these, so that
// it is known again wherever it shows.
const (
	marker    = "Qzvk"
	phoneArea = "312"
	phoneHead = "555"
	phoneTail = "0142"
)

// born is the birth date of the suite's main patients.
func born() driver.Date { return driver.Date{Year: 1931, Month: time.March, Day: 17} }

type canary struct{ text, what string }

func canaries() []canary {
	all := []canary{{strings.ToLower(marker), "a patient's name or text"}}
	for _, sep := range []string{"", "-", " ", "."} {
		all = append(all, canary{phoneHead + sep + phoneTail, "a phone number"})
	}
	for _, text := range []string{
		"1931-03-17", "19310317", "03/17/1931", "3/17/1931", "17.03.1931", "17.3.1931", "17/03/1931",
		"march 17, 1931", "mar 17, 1931", "17 march 1931", "17 mar 1931", "{1931 3 17}", "{1931 march 17}", "year:1931",
	} {
		all = append(all, canary{text, "a birth date"})
	}
	// The marker in base64, at its three offsets, without the edges that depend
	// on the neighbours.
	for i := range 3 {
		enc := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", i) + marker + marker + marker))
		all = append(all, canary{strings.ToLower(enc[4 : len(enc)-4]), "a document's content"})
	}
	return all
}

// person makes up a patient; n tells several apart.
func person(n int) NewPatient {
	return NewPatient{
		First:     fmt.Sprintf("Ada%s%s", marker, letters(n)),
		Last:      marker + "son",
		BirthDate: born(),
		Phone:     fmt.Sprintf("(%s) %s-%s", phoneArea, phoneHead, phoneTail),
		Email:     fmt.Sprintf("ada.%s%d@example.test", strings.ToLower(marker), n),
	}
}

// letters writes n in letters, since a PMS may refuse digits in a name.
func letters(n int) string {
	return strings.Map(func(r rune) rune { return r - '0' + 'a' }, strconv.Itoa(n))
}

// ref makes a Ref that no other write of this run or another has.
func (c *checker) ref() string {
	for {
		c.refs++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", c.suite.nonce, c.Name(), c.refs))
		ref := base32.StdEncoding.EncodeToString(sum[:])[:driver.RefLen]
		if c.suite.watch.leak(ref) == "" { // one that held the marker would look like a leak
			return ref
		}
	}
}

// picture makes a small JPEG file; n tells several apart by content.
func picture(c *checker, n int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		img.Set(i%8, i/8, color.RGBA{R: uint8(n * 67), G: uint8(i * 4), B: uint8(n * 31), A: 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		c.Fatalf("drivertest: cannot make a picture: %v", err)
	}
	return b.Bytes()
}

// file makes a document's content of the given type and exactly that size.
func file(mime string, size int, seed string) []byte {
	head := marker + marker + marker + " " + seed + "\n"
	switch mime {
	case "application/pdf":
		head = "%PDF-1.4\n% " + head
	case "image/jpeg":
		head = "\xff\xd8\xff\xe0\x00\x10JFIF\x00" + head
	case "image/png":
		head = "\x89PNG\r\n\x1a\n" + head
	}
	const filler = "abcdefghijklmnopqrstuvw"
	b := append([]byte(head), bytes.Repeat([]byte(filler), size/len(filler)+1)...)
	return b[:size]
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
