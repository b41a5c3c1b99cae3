package opendentaltest

import (
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
)

func (c *call) document(r record, definitions map[int64]string) object {
	return object{
		{"DocNum", r.id()}, {"Description", r.text("Description")}, {"DateCreated", r.text("DateCreated")},
		{"DocCategory", r.int("DocCategory")}, {"docCategory", definitions[r.int("DocCategory")]}, {"PatNum", r.int("PatNum")},
		{"FileName", r.text("FileName")}, {"ImgType", imgTypeNames.name(r.int("ImgType"))}, {"ToothNumbers", r.text("ToothNumbers")},
		{"DateTStamp", r.text("DateTStamp")}, {"ProvNum", r.int("ProvNum")}, {"PrintHeading", boolean(r.bool("PrintHeading"))},
	}
}

func (c *call) oneDocument(r record, status int) (reply, error) {
	definitions, err := c.definitionNames()
	return reply{status: status, body: c.document(r, definitions)}, err
}

func (c *call) getDocument() (reply, error) {
	r, err := c.byPath("document", "Document")
	if err != nil {
		return reply{}, err
	}
	return c.oneDocument(r, http.StatusOK)
}

// getDocuments lists a patient's documents. The list is made for the image
// tree of the program, and it shows: the date stands before the description,
// PatNum and ProvNum are strings, and Note is as stored, which for an upload
// that nobody has opened yet is the whole file.
func (c *call) getDocuments() (reply, error) {
	patNum, given, err := c.queryInt("PatNum")
	if err != nil {
		return reply{}, err
	}
	if !given {
		return reply{}, bad("PatNum is required")
	}
	patient, err := c.livePatient(patNum)
	if err != nil {
		return reply{}, err
	}
	f := c.filter()
	f.number("PatNum", "PatNum")
	rows, err := f.list("document", "DateCreated, DocNum")
	if err != nil {
		return reply{}, err
	}
	definitions, err := c.definitionNames()
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		note := r.text("Note")
		if c.o.cfg.OmitPendingNote && isPending(r) {
			note = ""
		}
		list[i] = object{
			{"DocNum", r.id()}, {"MountNum", 0}, {"filePath", c.o.filePath(patient, r)},
			{"Description", c.wallOf(r.text("DateCreated")).Format("1/2/2006") + ": " + r.text("Description")},
			{"PatNum", strconv.FormatInt(patNum, 10)}, {"Note", note}, {"DateCreated", r.text("DateCreated")},
			{"docCategory", definitions[r.int("DocCategory")]}, {"DocCategory", r.int("DocCategory")},
			{"ToothNumbers", r.text("ToothNumbers")}, {"ProvNum", strconv.FormatInt(r.int("ProvNum"), 10)},
			{"PrintHeading", boolean(r.bool("PrintHeading"))}, {"DateTStamp", r.text("DateTStamp")}, {"serverDateTime", c.serverTime()},
		}
	}
	return ok(list)
}

// filePath is where a document lies, or "" if files are in the database.
func (o *Office) filePath(patient, document record) string {
	if o.files == nil || patient.text("ImageFolder") == "" {
		return ""
	}
	return filepath.Join(o.cfg.AtoZ, filepath.FromSlash(folderOf(patient)), document.text("FileName"))
}

// folderOf is a patient's folder under the A-to-Z root, with slashes.
func folderOf(patient record) string {
	folder := patient.text("ImageFolder")
	letter := strings.ToUpper(string([]rune(folder)[:1]))
	return letter + "/" + folder
}

// toothNumbers writes ranges out: "1-5,8" is kept as "1,2,3,4,5,8".
func toothNumbers(text string) (string, bool) {
	var numbers []string
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || from < 1 || to > 32 || from > to {
			return "", false
		}
		for n := from; n <= to; n++ {
			numbers = append(numbers, strconv.Itoa(n))
		}
	}
	return strings.Join(numbers, ","), true
}

// documentInfo reads the body fields that Upload and PUT share. Category is a
// DefNum; Upload's page also speaks of the ItemName, so both are taken.
func (c *call) documentInfo() (set, error) {
	values := set{}
	if text, given, err := c.str("Description"); err != nil {
		return nil, err
	} else if given {
		values["Description"] = text
	}
	if text, given, err := c.moment("DateCreated"); err != nil {
		return nil, err
	} else if given {
		values["DateCreated"] = text
	}
	if n, given, err := c.choice("ImgType", imgTypeNames); err != nil {
		return nil, err
	} else if given {
		values["ImgType"] = n
	}
	if v, given, err := c.flag("PrintHeading"); err != nil {
		return nil, err
	} else if given {
		values["PrintHeading"] = v
	}
	if text, given, err := c.str("ToothNumbers"); err != nil {
		return nil, err
	} else if given && text != "" {
		numbers, fine := toothNumbers(text)
		if !fine {
			return nil, bad("ToothNumbers is invalid.")
		}
		values["ToothNumbers"] = numbers
	}
	if n, given, err := c.reference("ProvNum", "provider", "Provider"); err != nil {
		return nil, err
	} else if given {
		values["ProvNum"] = n
	}
	if category, given, err := c.imageCategory(); err != nil {
		return nil, err
	} else if given {
		values["DocCategory"] = category
	}
	return values, nil
}

func (c *call) imageCategory() (int64, bool, error) {
	text, given, err := c.str("DocCategory")
	if err != nil || !given || text == "" {
		return 0, false, err
	}
	if isNumber(text) {
		return c.chosen("DocCategory", CategoryImageCats)
	}
	def, found, err := c.first("definition", "WHERE Category = ? AND ItemName = ? AND IsHidden = 0", CategoryImageCats, text)
	if err == nil && !found {
		err = bad("DocCategory is invalid.")
	}
	return def.id(), true, err
}

// putDocument changes the image info. The page promises a provider that is not
// hidden.
func (c *call) putDocument() (reply, error) {
	r, err := c.byPath("document", "Document")
	if err != nil {
		return reply{}, err
	}
	if err := c.unfrozen(r); err != nil {
		return reply{}, err
	}
	values, err := c.documentInfo()
	if err != nil {
		return reply{}, err
	}
	if n, given := values["ProvNum"].(int64); given && n != 0 {
		provider, _, err := c.get("provider", n)
		if err != nil {
			return reply{}, err
		}
		if provider.bool("IsHidden") {
			return reply{}, bad("ProvNum is invalid.")
		}
	}
	if r, _, err = c.update(r, values); err != nil {
		return reply{}, err
	}
	return c.oneDocument(r, http.StatusOK)
}

func (c *call) deleteDocument() (reply, error) {
	r, err := c.byPath("document", "Document")
	if err != nil {
		return reply{}, err
	}
	if err := c.unfrozen(r); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, c.deleteFile(r)
}
