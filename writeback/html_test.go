package writeback

import (
	"fmt"
	"html"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

const mail = `<!DOCTYPE html><html><head><meta charset=utf-8><title>Newsletter</title>
<style>p { color: red } /* <p>no text</p> */</style>
<!--[if gte mso 9]><xml><o:OfficeDocumentSettings>96</o:OfficeDocumentSettings></xml><![endif]-->
<script>if (a < b) { document.write("<p>written</p>") }</script></head>
<body><!-- <style> a comment with <div> in it -->
<div style="DISPLAY : none !important; font-size:1px">Preheader <div>nested</div>&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;</div>
<p class="first">Dear Ada,</p><div>your visit is on <b>Fri</b>day,
   March&nbsp;7.</div><div><br></div><div>Un<i>believ</i>able &amp; &euro;5 &lt;soon&gt;.</div>
<ul style="x"><li>Bring your card<li>Come <b>early</b><ol start=3><li>park<li>walk</ol></ul>
<table border=0><tr><td>Cleaning</td><td>$100.00</td></tr>
  <tr><td><span>X-ray</span></td> <td></td> <td>$20.00</td></tr></table>
<p><a href="https://example.com/confirm?token=abc">Confirm</a> or <a href="mailto:front@example.com?subject=Hi">front@example.com</a>
or <a href="tel:+13125550100">call us</a>, <a href="javascript:alert(1)">not this</a>, <a href="#top">nor that</a>
<a href="https://www.example.com/">example.com</a></p>
<img src="logo.png" alt="Main Street Dental"><img src="https://t.example.com/p.gif" width="1" height="1" alt="pixel"><img src="x.gif">
<hr><pre>  two
  lines</pre><svg><text>drawn</text></svg><template>later</template></body></html>`

const mailPlain = `Dear Ada,

your visit is on Friday, March 7.

Unbelievable & €5 <soon>.

- Bring your card
- Come early
  3. park
  4. walk

Cleaning | $100.00
X-ray | $20.00

Confirm <https://example.com/confirm?token=abc> or front@example.com or call us <+13125550100>, not this, nor that example.com

[Main Street Dental]
---

  two
  lines`

func TestHTMLMailReadsAsItLooks(t *testing.T) {
	t.Parallel()
	require.Equal(t, mailPlain, plainFromHTML(mail).text)
	for source, want := range map[string]string{
		"":                             "",
		"plain":                        "plain",
		" \n plain \t text ":           "plain text",
		"a<br>b<br/>c<br><br><br>d":    "a\nb\nc\n\nd",
		"<p>a<p>b</p><p></p><p>c":      "a\n\nb\n\nc",
		"<div>a<div>b</div></div>c":    "a\nb\nc",
		"a<span> b </span> c":          "a b c",
		"<h1>Title</h1>text":           "Title\n\ntext",
		"<ul><li></li></ul>after":      "after",
		"<li>alone":                    "- alone",
		"<ol start=-5><li>a":           "1. a",
		"<ul><li><p>a</p></li></ul>b":  "- a\n\nb",
		"<td>a<td>b":                   "a | b",
		"x &unknown; &#x41; &#0; &amp": "x &unknown; A \ufffd &",
		"a < b and 3 > 2":              "a < b and 3 > 2",
		"<p title='a>b'>c</p>":         "c",
		"<textarea>as\nit is</textarea>x<xmp><b></xmp>": "as\nit is\nx\n<b>",
		"<noscript>seen</noscript>":                     "seen",
		"<blockquote>quoted</blockquote>mine":           "quoted\n\nmine",
		"soft\u00adhyphen zero\u200bwidth":              "softhyphen zerowidth",
		// Joiners that join stay.
		"\u0645\u06cc\u200c\u062e \U0001f468\u200d\U0001f469": "\u0645\u06cc\u200c\u062e \U0001f468\u200d\U0001f469",
		// What hides and has no end, or hides in vain, hides nothing.
		"<div hidden>a<p>b":                             "a\n\nb",
		"<p style='display:none'>a<p>b":                 "b",
		"<span style='visibility:hidden'>a</span>b":     "b",
		"<br hidden>a<svg/>b":                           "ab",
		"<div hidden><div>a</div><br>b</div>c":          "c",
		"<p style='display: block; x: none'>a</p>":      "a",
		"<a href='https://x.example'></a>a":             "a",
		"<a href='https://x.example'>":                  "",
		"<a href='https://x.example/é'>a<a href=//b>c":  "a <https://x.example/%C3%A9>c",
		"<a href='https://u:p@x.example/'>a</a>":        "a <https://x.example/>",
		"<a href='ht\ntps://x.example/'>a</a>":          "a <https://x.example/>",
		"<a href='http://[::1'>a</a><a href='%zz'>b":    "ab",
		"<a href='https://x.example'>X.example</a> end": "X.example end",
	} {
		require.Equal(t, want, plainFromHTML(source).text, "%q", source)
	}
}

func TestLinkShowsItsTargetBounded(t *testing.T) {
	t.Parallel()
	query := "?utm_source=" + strings.Repeat("track", 400)
	got := plainFromHTML("<a href='https://click.example.com/open" + query + "#f'>Read</a>").text
	require.Equal(t, "Read <https://click.example.com/open>", got)
	got = plainFromHTML("<a href='https://click.example.com/" + strings.Repeat("a/", 4000) + "'>Read</a>").text
	require.Less(t, len(got), 250)
	require.True(t, strings.HasSuffix(got, "...>"))
	got = plainFromHTML("<a href='mailto:" + strings.Repeat("é", 4000) + "'>Write</a>").text
	require.Less(t, len(got), 250)
	require.True(t, utf8.ValidString(got))
}

func TestNoteTakesHTMLInsteadOfABody(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, field string
		kind        driver.NoteKind
		body, html  string
	}{
		{"e-mail", "", driver.IncomingEmail, "", "<p>Hello"},
		{"note", "", driver.PatientNote, "", "<p>Hello"},
		{"both", "html", driver.IncomingEmail, "Hello", "<p>Hello"},
		{"call", "html", driver.IncomingCall, "", "<p>Hello"},
		{"text message", "html", driver.OutgoingSMS, "", "<p>Hello"},
		{"neither", "body", driver.IncomingEmail, "", ""},
		{"nothing in it", "html", driver.IncomingEmail, "", "<p>&nbsp;<br></p><img src=x.gif><style>a</style>"},
		{"nothing but white space", "html", driver.IncomingEmail, "", " \n"},
		{"not UTF-8", "html", driver.IncomingEmail, "", "<p>\xff"},
		{"too large", "html", driver.IncomingEmail, "", strings.Repeat("<!-- -->", maxText/8) + "x<p>y"},
		{"too large when plain", "html", driver.IncomingEmail, "", strings.Repeat("<ul>", 20) + strings.Repeat("<li>x", maxText/6)},
	} {
		n := Note{Kind: tc.kind, Body: Text(tc.body), HTML: Text(tc.html)}
		c := inputCheck{}
		if tc.html == "" {
			c.bad("body", "")
		} else if text := c.html(n); tc.field == "" {
			require.Equal(t, "Hello", text, tc.name)
			require.NoError(t, c.err(), tc.name)
			continue
		}
		require.Len(t, c.e.Fields, 1, tc.name)
		require.Equal(t, tc.field, c.e.Fields[0].Field, tc.name)
		require.NotContains(t, c.err().Error(), "Hello")
	}
}

// A number is found however tags and invisible characters part it, as long as it
// looks like one to whoever reads the mail.
func TestCardNumbersAreFoundInHTMLHoweverTheyAreTagged(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"<p>4111111111111111", "<b>4111</b><i>1111</i>1111<u>1111</u>", "4111&#8203;1111&shy;1111&zwnj;1111", "4<b>1</b>11 1111<!-- x --> 1111 1111",
		"<tr><td>4111</td><td>1111</td><td>1111</td><td>1111</td></tr>", "<div>4111</div><div>1111</div>1111<br>1111", "4111&nbsp;1111&nbsp;1111&nbsp;1111",
		"<ol><li>4111<li>1111<li>1111<li>1111</ol>", "&#52;&#49;11-1111-1111-1111", "<img alt='4111 1111 1111 1111'>",
		"<a href='https://x.example/4111111111111111'>paid</a>", "<span style='color:white'>4111 1111</span> 1111 1111", "<pre>4111\n1111\n1111\n1111</pre>",
		strings.Join(strings.Split("<td>4111111111111111", ""), "<wbr>"), "4111<style>x</style>1111<span hidden>9</span>11111111",
	} {
		n := Note{Kind: driver.IncomingEmail, HTML: Text(source + " and more")}
		c := inputCheck{}
		c.html(n)
		require.Len(t, c.e.Fields, 1, source)
		require.Contains(t, c.e.Fields[0].Problem, "card_number", source)

		c = inputCheck{mask: true}
		text := c.html(n)
		require.NoError(t, c.err(), source)
		require.Positive(t, c.masked, source)
		require.Equal(t, len(plainFromHTML(n.HTML.Reveal()).text), len(text), source)
		require.False(t, HasCardNumber(text), source)
		digits := strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) || r == '*' {
				return r
			}
			return -1
		}, text)
		require.NotContains(t, digits, "4111111", source)
		require.Contains(t, digits, "1111", source)
	}
	// What is hidden is not kept, and so does not count.
	for _, source := range []string{"<div hidden>4111 1111 1111 1111</div>x", "<!-- 4111 1111 1111 1111 -->x", "<p>12</p><table><tr><td>4111<td>20<td>1111<td>150"} {
		c := inputCheck{}
		c.html(Note{Kind: driver.IncomingEmail, HTML: Text(source)})
		require.NoError(t, c.err(), source)
	}
}

// hostile is HTML that has brought parsers down.
func hostile(size int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	var many strings.Builder
	many.WriteString("<p>")
	for i := range 400 {
		fmt.Fprintf(&many, "<font id=%d>", i)
	}
	return map[string]string{
		"nested divs": fill("<div>") + "x", "nested tables": fill("<table><tr><td>"), "nested lists": fill("<ul><li>") + "x", "nested quotes": fill("<blockquote>x"),
		"nested hidden": fill("<div hidden>") + "x", "hidden and shown": fill("<div hidden></div>x"), "hidden without end": fill("<b hidden>x"),
		"open formatting in paragraphs": many.String() + fill("<p>x"), "nested formatting": fill("<b><i>x"),
		"open brackets": fill("<"), "closed brackets": fill(">"), "ampersands": fill("&"), "entities": fill("&amp;"), "bad entities": fill("&#"),
		"attributes": "<a " + fill("a=b ") + ">x", "one attribute": "<a href='" + fill("x") + "'>x</a>", "open quotes": fill("<a href='"), "styles": fill("<b style=';;:;'>"),
		"one style": "<b style='" + fill("display:;") + "'>x", "comments": fill("<!--"), "comment ends": fill("-->"), "scripts": fill("<script><!--<script>"),
		"titles": fill("<title>"), "links": fill("<a href=https://x.example>x"), "link without end": "<a href=https://x.example>" + fill("x "), "link ends": fill("</a>x"),
		"ends": fill("</div>"), "list ends": fill("</ul></ol>"), "numbers": "<ol start=999999>" + fill("<li>"), "cells": fill("<td>x"), "spaces": fill("&nbsp;"),
		"invisible": fill("&#8203;"), "joiners": fill("x&zwj;"), "breaks": fill("<br>"), "pre": fill("<pre>\n x"), "pictures": fill("<img alt=x>"), "digits": fill("4"), "digits in cells": fill("<td>4"),
		"plaintext": "<plaintext>" + fill("<b>"), "xmp": fill("<xmp>"), "textarea": fill("<textarea>"), "cdata": fill("<![CDATA["), "declarations": fill("<!"), "instructions": fill("<?"),
		"svg": fill("<svg>"), "templates": fill("<template>"), "nul": fill("\x00"), "long tag": "<" + fill("x"), "frames": fill("<iframe>"),
	}
}

func TestHostileHTMLTakesTimeAndRoomInProportion(t *testing.T) {
	t.Parallel()
	const size = maxText / 16 // what is quadratic takes a minute at the full size
	for name, source := range hostile(size) {
		start := time.Now()
		plain := plainFromHTML(source)
		require.Less(t, time.Since(start), 10*time.Second, name)
		require.True(t, utf8.ValidString(plain.text), name)
		require.Less(t, len(plain.text), 4*size, name)
	}
	require.Equal(t, "x", plainFromHTML(strings.Repeat("<div>", 100_000)+"x").text)
	require.Equal(t, "x", plainFromHTML(strings.Repeat("<div>", 100_000)+"x"+strings.Repeat("</div>", 100_000)).text)
}

func FuzzHTMLBecomesPlainText(f *testing.F) {
	f.Add(mail)
	f.Add("Asked about Friday. 4111 1111 1111 1111 \u200b x")
	for _, source := range hostile(300) {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if !utf8.ValidString(source) || len(source) > 20_000 {
			return // refused at the submit
		}
		plain := plainFromHTML(source)
		require.True(t, utf8.ValidString(plain.text))
		require.LessOrEqual(t, len(plain.text), 20*len(source)+100)
		require.Equal(t, plain, plainFromHTML(source))
		for _, at := range plain.digits {
			require.True(t, isDigit(plain.text[at]))
		}
		masked, n := plain.masked()
		require.Len(t, masked, len(plain.text))
		require.False(t, HasCardNumber(masked))
		require.Equal(t, HasCardNumber(plain.text) || HasCardNumber(plain.shown), n > 0)

		// Words that are escaped come out as they are.
		words := strings.Join(strings.FieldsFunc(source, unicode.IsSpace), " ")
		w := &htmlWalk{}
		w.text(words)
		require.Equal(t, string(w.out), plainFromHTML("<p><b>"+html.EscapeString(words)+"</b></p>").text)
	})
}

func BenchmarkHTMLMail(b *testing.B) {
	source := strings.Repeat(mail, 10)
	b.SetBytes(int64(len(source)))
	b.ReportAllocs()
	for b.Loop() {
		if plainFromHTML(source).text == "" {
			b.Fatal("empty")
		}
	}
}
