package opendentaltest

import "strconv"

// enum is the names of an enumeration by number. The API speaks names, the
// database numbers.
type enum []string

func (e enum) name(n int64) string {
	if n < 0 || n >= int64(len(e)) {
		return strconv.FormatInt(n, 10)
	}
	return e[n]
}

func (e enum) parse(text string) (int64, bool) {
	for i, name := range e {
		if name == text && name != "" {
			return int64(i), true
		}
	}
	return 0, false
}

// The enumerations of the published schema documentation, version 25.4.
var (
	patStatusNames     = enum{"Patient", "NonPatient", "Inactive", "Archived", "Deleted", "Deceased", "Prospective"}
	genderNames        = enum{"Male", "Female", "Unknown", "Other"}
	positionNames      = enum{"Single", "Married", "Child", "Widowed", "Divorced"}
	contactNames       = enum{"None", "DoNotCall", "HmPhone", "WkPhone", "WirelessPh", "Email", "SeeNotes", "Mail", "TextMessage"}
	yesNoNames         = enum{"Unknown", "Yes", "No"}
	aptStatusNames     = enum{"None", "Scheduled", "Complete", "UnschedList", "ASAP", "Broken", "Planned", "PtNote", "PtNoteCompleted"}
	priorityNames      = enum{"Normal", "ASAP"}
	histActionNames    = enum{"Created", "Changed", "Missed", "Cancelled", "Deleted"}
	apptSourceNames    = enum{"None", "EConnector", "Broadcaster", "BroadcastMonitor", "ServiceMainHQ", "OpenDentalService", "OpenDentalAPIService"}
	provStatusNames    = enum{"Active", "Deleted"}
	commSentNames      = enum{"Neither", "Sent", "Received"}
	commSourceNames    = enum{"User", "WebSched", "ProgramLink", "ApptReminder", "EServices", "SupplementalBackup", "ApptThankYou", "FHIR", "NewPatThankYou", "MsgToPay", "MassEmail"}
	imgTypeNames       = enum{"Document", "Radiograph", "Photo", "File", "Attachment"}
	processStatusNames = enum{"OfficeProcessed", "OnlineProcessed", "OnlinePending"}
	debitTypeNames     = enum{"Unknown", "Principal", "Interest"}
	verifyTypeNames    = enum{"", "InsuranceBenefit", "PatientEnrollment"}
	stmtModeNames      = enum{"Mail", "InPerson", "Email", "Electronic", "API"}
	relationNames      = enum{"Self", "Spouse", "Child", "Employee", "HandicapDep", "SignifOther", "InjuredPlaintiff", "LifePartner", "Dependent"}

	// Commlog modes have spaces in this one resource.
	commModeNames = enum{"None", "Email", "Mail", "Phone", "In Person", "Text", "Email and Text", "Phone and Text", "Fax"}

	paymentSourceNames = enum{"None", "XServer", "XWeb", "PayConnect", "XServerPayConnect", "XWebPortalLogin", "PaySimple",
		"PaySimpleACH", "PayConnectPortal", "PayConnectPortalLogin", "CareCredit", "EdgeExpressRCM", "EdgeExpressCNP", "API"}
)

// Categories of definitions (DefCat).
const (
	CategoryAdjTypes        = 1
	CategoryApptConfirmed   = 2
	CategoryBillingTypes    = 4
	CategoryPaymentTypes    = 10
	CategoryUnschedStatus   = 13
	CategoryImageCats       = 18
	CategoryCommLogTypes    = 27
	CategoryUnearnedTypes   = 29
	CategoryTaskPriorities  = 33
	CategoryInsVerification = 38
)

var categoryNames = map[int64]string{
	0: "AccountColors", 1: "AdjTypes", 2: "ApptConfirmed", 3: "ApptProcsQuickAdd", 4: "BillingTypes", 10: "PaymentTypes",
	11: "ProcCodeCats", 12: "ProgNoteColors", 13: "RecallUnschedStatus", 16: "Diagnosis", 17: "AppointmentColors",
	18: "ImageCats", 20: "TxPriorities", 21: "MiscColors", 22: "ChartGraphicColors", 23: "ContactCategories",
	24: "LetterMergeCats", 25: "BlockoutTypes", 26: "ProcButtonCats", 27: "CommLogTypes", 28: "SupplyCats",
	29: "PaySplitUnearnedType", 30: "Prognosis", 31: "ClaimCustomTracking", 32: "InsurancePaymentType",
	33: "TaskPriorities", 34: "FeeColors", 35: "ProviderSpecialties", 36: "ClaimPaymentTracking",
	37: "AccountQuickCharge", 38: "InsuranceVerificationStatus", 39: "Regions", 40: "ClaimPaymentGroups",
	41: "AutoNoteCats", 42: "WebSchedNewPatApptTypes", 43: "ClaimErrorCode", 44: "ClinicSpecialty", 45: "JobPriorities",
	46: "CarrierGroupNames", 47: "PayPlanCategories", 48: "AutoDeposit", 49: "InsuranceFilingCodeGroup",
	50: "TimeCardAdjTypes", 51: "WebSchedExistingApptTypes", 52: "CertificationCategories",
	53: "EClipboardImageCapture", 54: "TaskCategories", 55: "OperatoryTypes",
}
