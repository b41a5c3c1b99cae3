package opendentaltest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
)

// The names are invented, and put together at random: nobody is meant.
var (
	lastNames = []string{"Abernethy", "Ashgrove", "Birchall", "Bramwell", "Calloway", "Carrow", "Dunmore", "Eastwick", "Fairbourne",
		"Fenwick", "Garrow", "Hallowell", "Harkness", "Inglewood", "Kestrel", "Larkspur", "Lindqvist", "Marchetti", "Marlowe", "Núñez",
		"Oakhurst", "O'Carroway", "Pemberly", "Quillfeather", "Ravenswood", "Rosenthorn", "Sandoval", "Silverton", "Tanglewood",
		"Thistledown", "Underhill", "Vandermeer", "Wetherby", "Whitlock", "Yarrow", "Zimmerle"}
	femaleNames = []string{"Adele", "Bettina", "Clementine", "Dorothea", "Elowen", "Fiona", "Giselle", "Henrietta", "Imogen", "Jolene",
		"Karina", "Lavinia", "Mireille", "Noelle", "Odette", "Penelope", "Rosalind", "Sylvie", "Tabitha", "Winifred", "Zoë"}
	maleNames = []string{"Alaric", "Barnaby", "Cedric", "Dashiell", "Edmund", "Fergus", "Gideon", "Horatio", "Ignatius", "Jasper",
		"Konrad", "Leopold", "Magnus", "Nathaniel", "Orson", "Percival", "Quentin", "Rupert", "Sebastian", "Thaddeus", "Wendell"}
	allFirstNames = slices.Concat(femaleNames, maleNames)
	streets       = []string{"Elm Court", "Juniper Lane", "Harbor Way", "Millpond Road", "Orchard Street", "Quarry Hill", "Saltmarsh Drive"}
	cities        = []string{"Maple Hollow", "North Ferry", "Port Linden", "Stonebridge"}
)

var treatments = []struct {
	name string
	fee  float64
}{
	{"PerEx, 4BW", 95}, {"Pro", 110}, {"CompA-1S", 185.5}, {"Crn-PFM", 1120}, {"Ext", 210}, {"RCT-Mol", 1295.25},
}

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

// portrait is a small picture that differs by its colours.
func portrait(a, b uint8) []byte {
	img := image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{color.RGBA{a, 120, b, 255}, color.RGBA{b, a, 200, 255}})
	for y := range 16 {
		for x := range 16 {
			if (x-8)*(x-8)+(y-6)*(y-6) < 25 {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var buffer bytes.Buffer
	if err := png.Encode(&buffer, img); err != nil {
		panic("opendentaltest: encoding a picture in memory failed: " + err.Error())
	}
	return buffer.Bytes()
}
