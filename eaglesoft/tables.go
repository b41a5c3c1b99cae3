package eaglesoft

import (
	"strings"

	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Widths of columns as public accounts have them; the catalog's own width counts
// where it is smaller.
const (
	patientWidth     = 5
	providerWidth    = 3
	noteWidth        = 4000
	labelWidth       = 40 // operatory_notes.description
	documentWidth    = 100
	descriptionWidth = 50 // transactions_header.description
)

// table is one of Eaglesoft's tables, with the columns that are used of it.
type table = sqlpms.Object

// The tables. The source of all names and types is public accounts of live
// databases; what they agree on is in the package's doc.
var (
	tSystem = table{Name: "system_preferences", Must: []string{"version"}}

	tProvider = table{Name: "provider", Must: []string{"provider_id", "first_name", "last_name", "status"}}

	tPatient = table{Name: "patient",
		Must: []string{
			"patient_id", "first_name", "last_name", "preferred_name", "home_phone", "work_phone", "cell_phone",
			"email_address", "status", "patient_status", "responsible_party", "birth_date", "date_entered", "practice_id",
		},
		May: []string{"pager_phone"},
	}

	tAppointment = table{Name: "appointment",
		Must: []string{
			"appointment_id", "start_time", "end_time", "patient_id", "location_id", "classification", "appointment_type_id",
			"appointment_notes", "arrival_status", "confirmation_status",
		},
	}
	tAppointmentProvider = table{Name: "appointment_provider", Must: []string{"appointment_id", "provider_id"}}
	tChairs              = table{Name: "chairs", Must: []string{"chair_num", "practice_id"}}
	tAppointmentTypes    = table{Name: "appt_types", Must: []string{"type_id", "description", "active"}}
	tConfirm             = table{Name: "appointment", Must: []string{"appointment_id", "confirmation_status", "date_confirmed", "start_time"}}
	tLog                 = table{Name: "appt_log", Must: []string{"appt_id", "old_slot", "new_date", "appt_log_action", "user_id", "modified_by"}}

	tNoteTypes = table{Name: "operatory_notes_type", Must: []string{"id", "note_type", "description"}}
	tNotes     = table{Name: "operatory_notes",
		Must: []string{
			"note_id", "patient_id", "date_entered", "user_id", "note_class", "note_type", "note_type_id", "description", "note", "color",
			"post_proc_status", "date_modified", "modified_by", "locked_eod", "status", "claim_id", "statement_yn", "resp_party_id",
			"practice_id", "freshness",
		},
	}

	tGroups    = table{Name: "document_group", Must: []string{"group_id", "description", "type"}}
	tDocuments = table{Name: "document",
		Must: []string{
			"document_id", "document_name", "document_type", "document_creation_date", "document_modified_date", "open_with",
			"ref_id", "ref_table", "user_id", "original_user_id", "private", "display_in_docmgr", "signed", "needs_converted",
			"notice_of_privacy", "privacy_authorization", "consent", "practice_id", "custom_document_id", "headerfooter_added",
			"document_group_id",
		},
	}

	tPayTypes = table{Name: "paytype", Must: []string{"paytype_id", "sequence", "description"}}
	tHeader   = table{Name: "transactions_header",
		Must: []string{
			"tran_num", "user_id", "type", "tran_date", "resp_party_id", "amount", "paytype_id", "description", "impacts", "status",
			"aging_date", "practice_id",
		},
	}
	tDetail = table{Name: "transactions_detail",
		Must: []string{
			"detail_id", "tran_num", "user_id", "date_entered", "provider_id", "collections_go_to", "patient_id", "amount",
			"provider_practice_id", "patient_practice_id", "status", "posneg",
		},
	}
	tExtra = table{Name: "transactions_extra", Must: []string{"tran_num"}}
)

// allTables are looked up in the catalog, each once.
var allTables = []table{
	tSystem, tProvider, tPatient, tAppointment, tAppointmentProvider, tChairs, tAppointmentTypes, tLog,
	tNoteTypes, tNotes, tGroups, tDocuments, tPayTypes, tHeader, tDetail, tExtra,
}

// columns are a list for a SELECT or INSERT, under an alias where one is given.
// They are quoted because some are words of SQL.
func columns(alias string, names ...string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = alias + `"` + name + `"`
	}
	return strings.Join(quoted, ", ")
}

// from is a table's name with its owner, for a FROM or INTO. Unqualified names
// would resolve only for a login in the owner's group.
func (d *database) from(t table) string { return `"` + d.owner + `"."` + t.Name + `"` }

// marks are n question marks.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// insert is an INSERT of values for columns.
func (d *database) insert(t table, names ...string) string {
	return "INSERT INTO " + d.from(t) + " (" + columns("", names...) + ") VALUES (" + marks(len(names)) + ")"
}
