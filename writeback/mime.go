package writeback

import (
	"bytes"
	"errors"
	stdmime "mime"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// A document's type is what the host says it is, in one spelling, and what its
// first bytes say must not be something else: a PMS opens it with whatever the
// type stands for.

// mime checks the type that the host gave and returns it in the one form that is
// stored: lower case, without parameters, by its common name.
func (c *inputCheck) mime(claim string) string {
	if claim == "" {
		c.bad("mime", `is empty; give the type, such as "application/pdf"`)
		return ""
	}
	name, _, err := stdmime.ParseMediaType(claim)
	// Parameters do not count, and so do not matter when they are wrong.
	if err != nil && !errors.Is(err, stdmime.ErrInvalidMediaParameter) ||
		len(claim) > maxKey || !strings.Contains(name, "/") || strings.Contains(name, "*") {
		c.bad("mime", `is not a media type; give one such as "application/pdf"`)
		return ""
	}
	return commonMIME(name)
}

// mimeNames are other names of types that practices' documents come in.
var mimeNames = map[string]string{
	"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png", "image/tif": "image/tiff",
	"image/x-tiff": "image/tiff", "image/x-tif": "image/tiff", "image/x-bmp": "image/bmp", "image/x-ms-bmp": "image/bmp",
	"application/x-pdf": "application/pdf", "text/rtf": "application/rtf", "text/x-rtf": "application/rtf",
	"application/x-rtf": "application/rtf", "application/vnd.ms-word": "application/msword", "application/xml": "text/xml",
	"application/x-zip-compressed": "application/zip",
}

func commonMIME(name string) string {
	if common, ok := mimeNames[name]; ok {
		return common
	}
	return name
}

// takesMIME reports whether a list of the driver's holds the type; an empty one
// holds all.
func takesMIME(list []string, mime string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(m string) bool { return commonMIME(m) == commonMIME(mime) })
}

// spelledMIME gives the type in the driver's own spelling.
func spelledMIME(list []string, mime string) string {
	for _, m := range list {
		if commonMIME(m) == commonMIME(mime) {
			return m
		}
	}
	return mime
}

// unknownMIME is the type of bytes that nothing is known of.
const unknownMIME = "application/octet-stream"

// foundMIME gives what the first bytes of a document are when the claim does not
// fit them, and "" when it does or nobody can tell.
func foundMIME(claim string, head []byte) string {
	found := detect(claim, head[:min(len(head), 4096)])
	if fitsMIME(claim, found) {
		return ""
	}
	name, _, _ := strings.Cut(found.String(), ";")
	return name
}

// detect says what the bytes are. Two signs are weighed with the claim: the mark
// of a PDF may stand behind something else, which is then what a program sees
// that goes by the first bytes; and a few letters at the beginning of a text do
// not make it a program.
func detect(claim string, head []byte) *mimetype.MIME {
	found := mimetype.Detect(head)
	if found.Is("application/pdf") {
		before := bytes.TrimLeft(head[:bytes.Index(head, []byte("%PDF-"))], "\xef\xbb\xbf \t\r\n\x00")
		if len(before) == 0 {
			return found
		}
		first := mimetype.Detect(before)
		if !first.Is(unknownMIME) && (!first.Is("text/plain") || claim == "text/plain") {
			return first
		}
		return found
	}
	if strings.HasPrefix(claim, "text/") && !within(found, "text/plain") && !bytes.ContainsFunc(head, notText) {
		return mimetype.Lookup("text/plain")
	}
	return found
}

// notText is true of what stands in no text.
func notText(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' && r != '\x1b'
}

func fitsMIME(claim string, found *mimetype.MIME) bool {
	if claim == unknownMIME {
		return isAny(found, unknownMIME, "text/plain")
	}
	known := mimetype.Lookup(claim)
	if known == nil {
		// Nobody can say what it looks like, but what it does not look like. Weaker
		// signs than these may be chance.
		return !isAny(found, plainTypes...) && !isAny(found, "text/html") && !program(found)
	}
	if isAny(known, cameraTypes...) && isAny(found, cameraTypes...) || playable(known) && playable(found) {
		return true // two names for one container
	}
	if within(found, claim) {
		switch {
		case known.Is("text/plain"):
			// What a program would act on, or show as something else than what is
			// written, is not plain.
			return !program(found) && !isAny(found, "text/html", "image/svg+xml", "text/rtf") && !within(found, "text/xml")
		case playable(known):
			return false // a picture in a film's container
		}
		return true
	}
	// The first bytes do not always say which of a family it is: an office
	// document may look like any ZIP. They always say something of a family.
	for m := known.Parent(); m != nil && !m.Is(unknownMIME); m = m.Parent() {
		if m.Is(found.String()) {
			return true
		}
	}
	return false
}

var (
	// plainTypes are known by signs that do not come by chance.
	plainTypes = []string{"application/pdf", "image/jpeg", "image/png", "image/gif", "image/webp", "image/tiff"}
	// cameraTypes are the names under which phones send the same kind of picture.
	cameraTypes = []string{"image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"}
)

func playable(m *mimetype.MIME) bool {
	return strings.HasPrefix(m.String(), "audio/") || strings.HasPrefix(m.String(), "video/")
}

// program reports whether a type is of what a computer runs.
func program(m *mimetype.MIME) bool {
	return within(m, "application/x-elf") || isAny(m, "application/vnd.microsoft.portable-executable", "application/x-mach-binary",
		"application/x-java-applet", "application/java-archive", "application/vnd.android.package-archive",
		"application/x-ms-installer", "application/x-ms-shortcut", "application/wasm", "text/javascript", "text/x-php",
		"text/x-lua", "text/x-perl", "text/x-python", "text/x-ruby", "text/x-shellscript", "text/x-tcl")
}

// within reports whether a type is of that name, or a kind of it.
func within(m *mimetype.MIME, name string) bool {
	for ; m != nil; m = m.Parent() {
		if m.Is(name) {
			return true
		}
	}
	return false
}

func isAny(m *mimetype.MIME, names ...string) bool { return slices.ContainsFunc(names, m.Is) }
