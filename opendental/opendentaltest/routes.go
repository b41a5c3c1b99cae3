package opendentaltest

// allRoutes is the API as far as it is emulated. Versions and parameters are
// those of the vendor's API pages at version 25.3; permissions those of the
// page "API Permissions".
func (o *Office) allRoutes() []*route {
	const (
		aptFields = "AptStatus Pattern Confirmed Op Note ProvNum ProvHyg AptDateTime ClinicNum IsHygiene IsNewPatient:21.3 " +
			"Priority:22.1 AppointmentTypeNum:22.1 UnschedStatus:22.2 colorOverride:22.3.9 PatternSecondary:23.3.17"
		aptPut   = aptFields + " DateTimeArrived:25.2.10 DateTimeSeated:25.2.10 DateTimeDismissed:25.2.10"
		patient  = "LName FName MiddleI Preferred PatStatus Gender Position Birthdate SSN Address Address2 City State Zip HmPhone WkPhone WirelessPhone Guarantor Email PriProv SecProv FeeSched:25.2.19 BillingType FamFinUrgNote:23.2.5 ChartNumber MedicaidID:24.4.13 EmployerNum:24.3.30 DateFirstVisit:22.4.42 ClinicNum Premed:25.2.30 Ward:24.1.12 PreferConfirmMethod PreferContactMethod PreferRecallMethod:22.2 Language AdmitDate:24.1.12 SuperFamily:22.4.38 TxtMsgOk"
		docInfo  = "Description DocCategory ImgType ToothNumbers:23.1.35 ProvNum:24.2.32 PrintHeading:24.2.32"
		uploaded = "PatNum rawBase64 extension DateCreated:22.1 " + docInfo
	)
	return []*route{
		define("GET", "/preferences", "21.1", 0, "PrefName", "", (*call).getPreferences),
		define("GET", "/providers", "21.1", 0, "ClinicNum DateTStamp:21.3", "", (*call).getProviders),
		define("GET", "/providers/{ProvNum}", "24.4.17", 0, "", "", (*call).getProvider),
		define("GET", "/definitions", "21.1", 0, "Category includeHidden", "", (*call).getDefinitions),
		define("GET", "/appointmenttypes", "22.4.10", 0, "", "", (*call).getAppointmentTypes),
		define("GET", "/clinics", "21.1", 0, "", "", (*call).getClinics),
		define("GET", "/operatories", "21.1", 0, "ClinicNum", "", (*call).getOperatories),
		define("GET", "/operatories/{OperatoryNum}", "24.1.10", 0, "", "", (*call).getOperatory),
		define("GET", "/userods", "21.3", 0, "includeHidden:22.4.24 includeCEMT:25.1.10", "", (*call).getUserods),
		define("GET", "/patplans", "22.4.27", 0, "PatNum InsSubNum", "", (*call).getPatPlans),

		define("GET", "/patients", "21.1", 0, "LName FName Phone Address hideInactive City State SSN ChartNumber guarOnly showArchived Birthdate SiteNum SubscriberId Email Country clinicNums clinicAbbr invoiceNumber", "", (*call).getPatients),
		define("GET", "/patients/{PatNum}", "21.1", 0, "", "", (*call).getPatient),
		define("GET", "/patients/Simple", "21.2", 0, "LName FName Birthdate ClinicNum PatStatus DateTStamp PriProv:21.3 Gender:22.3.6 Position:22.3.6 Guarantor:22.4.19 SuperFamily:22.4.38 EmployerNum:24.3.30 FeeSched:25.2.19", "", (*call).getPatientsSimple),
		define("POST", "/patients", "21.1", Patients, "", patient, (*call).postPatient),
		define("PUT", "/patients/{PatNum}", "21.2", Patients, "", patient, (*call).putPatient),

		define("GET", "/appointments", "21.1", 0, "PatNum:21.4 AptStatus:22.4.28 Op:23.2.27 date dateStart dateEnd ClinicNum DateTStamp AppointmentTypeNum:24.4.22", "", (*call).getAppointments),
		define("GET", "/appointments/{AptNum}", "21.1", 0, "", "", (*call).getAppointment),
		define("POST", "/appointments", "21.1", Appointments, "", "PatNum "+aptFields, (*call).postAppointment),
		define("PUT", "/appointments/{AptNum}", "21.1", Appointments, "", aptPut, (*call).putAppointment),
		define("PUT", "/appointments/{AptNum}/Confirm", "21.1", Comm, "", "confirmVal defNum:21.2", (*call).putConfirm),
		define("PUT", "/appointments/{AptNum}/Break", "21.3", Comm, "", "sendToUnscheduledList breakType", (*call).putBreak),
		define("PUT", "/appointments/{AptNum}/Note", "21.1", Comm, "", "Note", (*call).putAppointmentNote),
		define("GET", "/histappointments", "23.1.30", 0, "HistApptAction AptNum PatNum AptStatus ClinicNum date dateStart dateEnd", "", (*call).getHistAppointments),

		define("GET", "/commlogs", "21.1", 0, "PatNum DateTStamp:25.1.13", "", (*call).getCommlogs),
		define("GET", "/commlogs/{CommlogNum}", "25.1.13", 0, "", "", (*call).getCommlog),
		define("POST", "/commlogs", "21.1", Comm, "", "PatNum Note CommDateTime CommType commType Mode_ SentOrReceived", (*call).postCommlog),
		define("PUT", "/commlogs/{CommlogNum}", "25.2.21", AllOthers, "", "Note", (*call).putCommlog),

		define("GET", "/documents", "21.2", 0, "PatNum", "", (*call).getDocuments),
		define("GET", "/documents/{DocNum}", "24.2.32", 0, "", "", (*call).getDocument),
		define("POST", "/documents/Upload", "21.1", Documents, "", uploaded, (*call).postUpload),
		define("PUT", "/documents/{DocNum}", "24.2.32", AllOthers, "", "DateCreated "+docInfo, (*call).putDocument),
		define("DELETE", "/documents/{DocNum}", "24.2.32", AllOthers, "", "", (*call).deleteDocument),

		define("GET", "/payments", "22.2.32", 0, "PayType:23.3.11 PatNum DateEntry", "", (*call).getPayments),
		define("POST", "/payments", "21.2", Payments, "", "PayAmt PatNum PayType:23.1.27 PayDate CheckNum PayNote BankBranch ClinicNum isPatientPreferred isPrepayment:22.4.8 procNums:22.4.16 payPlanNum:23.1.31", (*call).postPayment),
		define("POST", "/payments/Refund", "24.4.28", Payments, "", "PayNum", (*call).postRefund),
		define("PUT", "/payments/{PayNum}", "23.3.11", Payments, "", "PayType CheckNum BankBranch PayNote ProcessStatus:24.3.26", (*call).putPayment),
		define("PUT", "/payments/{PayNum}/Partial", "25.1.11", Payments, "", "procNumsAndAmounts payPlanChargeNumsAndAmounts:25.2.45", (*call).putPartial),
		define("GET", "/paysplits", "22.4.16", 0, "PatNum PayNum ProcNum:24.4.24", "", (*call).getPaySplits),
		define("PUT", "/paysplits/{SplitNum}", "25.2.9", Payments, "", "ProvNum ClinicNum", (*call).putPaySplit),
		define("GET", "/procedurelogs/{ProcNum}", "23.3.13", 0, "", "", (*call).getProcedure),
		define("GET", "/accountmodules/{PatNum}/PatientBalances", "22.1", 0, "", "", (*call).getPatientBalances),
		define("GET", "/adjustments", "22.2.21", 0, "PatNum AdjType:22.2.33 ProcNum:22.4.28", "", (*call).getAdjustments),
		define("POST", "/adjustments", "22.2.22", AllOthers, "", "PatNum AdjType AdjAmt AdjDate ProvNum ProcNum ClinicNum ProcDate AdjNote", (*call).postAdjustment),
		define("PUT", "/adjustments/{AdjNum}", "22.2.23", AllOthers, "", "AdjDate AdjAmt AdjType ProvNum AdjNote ProcNum ClinicNum", (*call).putAdjustment),

		define("GET", "/insverifies", "23.2.23", 0, "VerifyType FKey:24.4.17 SecDateTEdit", "", (*call).getInsVerifies),
		define("GET", "/insverifies/{InsVerifyNum}", "23.2.23", 0, "", "", (*call).getInsVerify),
		define("PUT", "/insverifies", "21.1", InsuranceSimple, "", "DateLastVerified VerifyType FKey DefNum Note:24.1.17", (*call).putInsVerify),
		define("GET", "/statements", "24.2.23", 0, "PatNum", "", (*call).getStatements),
		define("GET", "/statements/{StatementNum}", "24.2.23", 0, "", "", (*call).getStatement),
		define("POST", "/statements", "25.3.26", AllOthers, "", "PatNum DateSent Note DocNum", (*call).postStatement),

		define("PUT", "/queries/ShortQuery", "21.2", Queries, "", "SqlCommand", (*call).putShortQuery),
	}
}
