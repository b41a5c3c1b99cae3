package opendental

import (
	"strconv"
	"strings"
)

// version is a version of Open Dental: "25.3.26.0".
type version struct{ major, minor, build int }

// parseVersion reads a version of two to four numbers.
func parseVersion(s string) (version, bool) {
	parts := strings.Split(strings.TrimSpace(s), ".")
	if len(parts) < 2 || len(parts) > 4 {
		return version{}, false
	}
	var n [4]int
	for i, part := range parts {
		v, err := strconv.Atoi(part)
		if err != nil || v < 0 {
			return version{}, false
		}
		n[i] = v
	}
	return version{n[0], n[1], n[2]}, true
}

func (v version) atLeast(w version) bool {
	if v.major != w.major {
		return v.major > w.major
	}
	if v.minor != w.minor {
		return v.minor > w.minor
	}
	return v.build >= w.build
}

// String gives "25.3.26", or "25.3" when the build is 0.
func (v version) String() string {
	s := strconv.Itoa(v.major) + "." + strconv.Itoa(v.minor)
	if v.build != 0 {
		s += "." + strconv.Itoa(v.build)
	}
	return s
}

// The versions since which the API has what the driver uses, by the "Version
// Added" of the vendor's pages.
var (
	sinceNotes            = version{21, 1, 0}  // Commlogs POST
	sinceNoteAnswer       = version{23, 3, 7}  // Commlogs POST, the answer's body
	sinceDocuments        = version{22, 1, 0}  // Documents POST Upload, DateCreated
	sinceDocumentProvider = version{24, 2, 32} // Documents POST Upload, ProvNum
	sinceConfirm          = version{21, 2, 0}  // Appointments PUT Confirm, defNum
	sincePayments         = version{23, 1, 27} // Payments POST, PayType
	sinceSplitProvider    = version{25, 2, 9}  // PaySplits PUT, ProvNum
	sinceCharges          = version{25, 1, 11} // Payments PUT Partial
	sinceRefunds          = version{24, 4, 28} // Payments POST Refund
	sinceAdjustments      = version{22, 2, 22} // Adjustments POST
	sinceAppointments     = version{21, 4, 0}  // Appointments GET, all parameters used
	sincePatients         = version{21, 2, 0}  // Patients GET Simple
	sinceQueries          = version{21, 2, 0}  // Queries PUT ShortQuery
	sinceCatalogs         = version{21, 1, 0}  // Definitions GET, Providers GET
	sinceProvider         = version{24, 4, 17} // Providers GET (single)
	sinceInsVerify        = version{24, 4, 17} // InsVerifies GET, FKey; the PUT is of 21.1
	sinceStatements       = version{25, 3, 26} // Statements POST
	sinceCommlogStamp     = version{25, 1, 13} // Commlogs GET, DateTStamp
)
