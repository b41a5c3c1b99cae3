-- What reads. The result columns of sp_appointments and sp_getpatientofficejournal
-- are documented; those of the ledger's procedures are made up.
SET SESSION sql_mode='PAD_CHAR_TO_FULL_LENGTH,STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO';

CREATE FUNCTION getdate() RETURNS DATETIME READS SQL DATA RETURN (SELECT wall FROM admin.standin_state);

CREATE PROCEDURE sp_appointments(IN BeginDate DATE, IN EndDate DATE, IN ChangedSince DATETIME)
READS SQL DATA
  SELECT a.modified_time_stamp, a.appointment_id, a.appointment_date, a.operatory_id, a.provider_id, a.broken, a.patient_name, a.patient_id,
    a.patient_guid, a.length, a.amount, a.broken_date, a.reason, a.start_hour, a.start_minute, CAST(a.status_id & 255 AS SIGNED) AS status_id,
    s.descript AS status_description, n.notetext AS note, getdate() AS servertime
  FROM standin_appt a LEFT JOIN standin_status s ON s.defid=a.status_id LEFT JOIN standin_note n ON n.notetype=2 AND n.noteid=a.appointment_id
  WHERE (a.appointment_date BETWEEN BeginDate AND EndDate OR a.appointment_date IS NULL AND ChangedSince IS NOT NULL)
    AND (ChangedSince IS NULL OR a.modified_time_stamp>=ChangedSince);

CREATE PROCEDURE sp_getpatientofficejournal(IN PatientGuid CHAR(36))
READS SQL DATA
  SELECT j.contact_id, j.contact_date, j.contact_time, j.provider_id, j.contact_type, j.contact_description, j.contact_note
  FROM standin_journal j JOIN standin_patient p ON p.patient_id=j.patient_id WHERE p.patient_guid=PatientGuid;

CREATE PROCEDURE sp_getaccountpayments(IN GuarantorGuid CHAR(36), IN FromDate DATE, IN ToDate DATE, IN ByCreateDate SMALLINT)
READS SQL DATA
  SELECT l.procid, l.proccodeid AS patid, l.procdate, l.entrydate, l.proclogorder, l.provid, l.amt, l.checknumber, l.notetext
  FROM standin_proclog l JOIN standin_patient g ON g.patient_id=l.guarid
  WHERE g.patient_guid=GuarantorGuid AND l.chartstatus=90 AND l.proclogclass=1
    AND IF(ByCreateDate=1, l.entrydate, l.procdate) BETWEEN FromDate AND ToDate;

CREATE PROCEDURE sp_getpatientadjustments(IN PatientGuid CHAR(36), IN FromDate DATE, IN ToDate DATE)
READS SQL DATA
  SELECT l.procid, l.procdate, l.entrydate, l.proclogorder, l.provid, l.amt, l.notetext
  FROM standin_proclog l JOIN standin_patient p ON p.patient_id=l.proccodeid
  WHERE p.patient_guid=PatientGuid AND l.chartstatus=90 AND l.proclogclass=2 AND l.procdate BETWEEN FromDate AND ToDate;

CREATE PROCEDURE standin_getdocuments(IN PatientGuid CHAR(36))
READS SQL DATA
  SELECT d.docid, d.docdate, d.dc_doctype_id, d.title FROM standin_document d JOIN standin_patient p ON p.patient_id=d.patient_id
  WHERE p.patient_guid=PatientGuid;

-- What writes. The vendor's own are not public: all of these are made up. They check
-- what the vendor's are documented to check, and raise the documented codes.
CREATE PROCEDURE standin_refuse(IN Code INT)
BEGIN
  DECLARE n SMALLINT UNSIGNED DEFAULT Code;
  SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO=n, MESSAGE_TEXT='The stand-in refuses, and quotes the patient Qzvkson';
END;

CREATE PROCEDURE standin_check(IN Patient INT, IN Provider CHAR(4))
BEGIN
  IF (SELECT locked FROM standin_state) THEN CALL standin_refuse(51701); END IF;
  IF NOT EXISTS (SELECT 1 FROM standin_patient WHERE patient_id=Patient) THEN CALL standin_refuse(51001); END IF;
  IF (SELECT status FROM standin_patient WHERE patient_id=Patient)=4 OR Patient<0 THEN CALL standin_refuse(51002); END IF;
  IF Provider IS NOT NULL THEN
    IF NOT EXISTS (SELECT 1 FROM standin_provider WHERE provider_id=Provider) THEN CALL standin_refuse(51101); END IF;
    IF (SELECT inactive FROM standin_provider WHERE provider_id=Provider) THEN CALL standin_refuse(51102); END IF;
    IF (SELECT issecondaryprovider FROM standin_provider WHERE provider_id=Provider) THEN CALL standin_refuse(51103); END IF;
  END IF;
END;

CREATE PROCEDURE standin_addjournal(IN PatientGuid CHAR(36), IN ContactDate DATE, IN ContactTime TIME, IN ProviderId CHAR(4),
  IN ContactType SMALLINT, IN Description CHAR(80), IN Note VARCHAR(5128))
BEGIN
  DECLARE Patient INT DEFAULT (SELECT patient_id FROM standin_patient WHERE patient_guid=PatientGuid);
  CALL standin_check(Patient, ProviderId);
  IF ContactType NOT IN (3, 4, 5, 20) THEN CALL standin_refuse(51501); END IF;
  INSERT INTO standin_journal (patient_id, contact_date, contact_time, provider_id, contact_type, contact_description, contact_note)
    VALUES (Patient, ContactDate, ContactTime, ProviderId, ContactType, Description, Note);
  SELECT LAST_INSERT_ID() AS contact_id;
END;

CREATE PROCEDURE standin_setstatus(IN AppointmentId INT, IN StatusId SMALLINT)
BEGIN
  DECLARE Now TINYINT DEFAULT (SELECT status_id FROM standin_appt WHERE appointment_id=AppointmentId);
  IF (SELECT locked FROM standin_state) THEN CALL standin_refuse(51701); END IF;
  IF NOT EXISTS (SELECT 1 FROM standin_appt WHERE appointment_id=AppointmentId) THEN CALL standin_refuse(51601); END IF;
  IF Now IN (100, 101, -106) THEN CALL standin_refuse(52305); END IF;
  IF StatusId<>0 AND NOT EXISTS (SELECT 1 FROM standin_status WHERE defid=StatusId) THEN CALL standin_refuse(51602); END IF;
  UPDATE standin_appt SET status_id=StatusId, modified_time_stamp=getdate() WHERE appointment_id=AppointmentId;
END;

-- 59001 stands for a code that only the vendor's partners know: the month is closed.
CREATE PROCEDURE standin_addpayment(IN PatientId INT, IN PayDate DATE, IN PayType SMALLINT, IN Amount DECIMAL(12,2), IN ProviderId CHAR(4),
  IN CheckNumber CHAR(20), IN Note VARCHAR(255))
BEGIN
  CALL standin_check(PatientId, ProviderId);
  IF NOT EXISTS (SELECT 1 FROM standin_paytype WHERE def_id=PayType) THEN CALL standin_refuse(52450); END IF;
  IF Amount>=0 THEN CALL standin_refuse(52324); END IF;
  IF PayDate<=(SELECT closed_through FROM standin_state) THEN CALL standin_refuse(59001); END IF;
  INSERT INTO standin_proclog (automodifiedtimestamp, patid, guarid, chartstatus, procdate, entrydate, proccodeid, proclogclass, proclogorder, provid,
    amt, checknumber, notetext)
    SELECT getdate(), guar_id, guar_id, 90, PayDate, DATE(getdate()), PatientId, 1, PayType, ProviderId, Amount, CheckNumber, Note
    FROM standin_patient WHERE patient_id=PatientId;
  SELECT LAST_INSERT_ID() AS procid;
END;

CREATE PROCEDURE standin_addadjustment(IN PatientId INT, IN AdjDate DATE, IN AdjType SMALLINT, IN Amount DECIMAL(12,2), IN ProviderId CHAR(4),
  IN Note VARCHAR(255))
BEGIN
  CALL standin_check(PatientId, ProviderId);
  IF NOT EXISTS (SELECT 1 FROM standin_adjtype WHERE def_id=AdjType) THEN CALL standin_refuse(52453); END IF;
  IF Amount<=0 THEN CALL standin_refuse(52325); END IF;
  IF AdjDate<=(SELECT closed_through FROM standin_state) THEN CALL standin_refuse(59001); END IF;
  INSERT INTO standin_proclog (automodifiedtimestamp, patid, guarid, chartstatus, procdate, entrydate, proccodeid, proclogclass, proclogorder, provid,
    amt, notetext)
    SELECT getdate(), guar_id, guar_id, 90, AdjDate, DATE(getdate()), PatientId, 2, IF(AdjType>127, AdjType-256, AdjType), ProviderId, Amount, Note
    FROM standin_patient WHERE patient_id=PatientId;
  SELECT LAST_INSERT_ID() AS procid;
END;

CREATE PROCEDURE standin_adddocument(IN PatientGuid CHAR(36), IN DocType INT, IN DocDate DATE, IN Title CHAR(80), IN Extension CHAR(8),
  IN Content LONGBLOB)
BEGIN
  DECLARE Patient INT DEFAULT (SELECT patient_id FROM standin_patient WHERE patient_guid=PatientGuid);
  CALL standin_check(Patient, NULL);
  IF NOT EXISTS (SELECT 1 FROM standin_doctype WHERE dc_doctype_id=DocType) THEN CALL standin_refuse(52901); END IF;
  INSERT INTO standin_document (patient_id, dc_doctype_id, docdate, title, extension, content) VALUES (Patient, DocType, DocDate, Title, Extension, Content);
  SELECT LAST_INSERT_ID() AS docid;
END;

-- Fails after its first result set, when a caller who does not read on has gone.
CREATE PROCEDURE standin_failslate(IN PatientGuid CHAR(36), IN ContactDate DATE, IN ContactType SMALLINT, IN Note VARCHAR(5128))
BEGIN
  INSERT INTO standin_journal (patient_id, contact_date, contact_type, contact_note)
    SELECT patient_id, ContactDate, ContactType, Note FROM standin_patient WHERE patient_guid=PatientGuid;
  SELECT LAST_INSERT_ID() AS contact_id;
  CALL standin_refuse(52910);
END;

-- Keeps what it wrote although it fails: a procedure that ends the transaction itself.
CREATE PROCEDURE standin_keepsandfails(IN PatientGuid CHAR(36), IN ContactDate DATE, IN ContactType SMALLINT, IN Note VARCHAR(5128))
BEGIN
  INSERT INTO standin_journal (patient_id, contact_date, contact_type, contact_note)
    SELECT patient_id, ContactDate, ContactType, Note FROM standin_patient WHERE patient_guid=PatientGuid;
  COMMIT;
  CALL standin_refuse(52910);
END;

-- Says that all is well, and stores the text without its end.
CREATE PROCEDURE standin_losesthekey(IN PatientGuid CHAR(36), IN ContactDate DATE, IN ContactType SMALLINT, IN Note VARCHAR(5128))
BEGIN
  INSERT INTO standin_journal (patient_id, contact_date, contact_type, contact_note)
    SELECT patient_id, ContactDate, ContactType, LEFT(Note, 10) FROM standin_patient WHERE patient_guid=PatientGuid;
  SELECT LAST_INSERT_ID() AS contact_id;
END;
