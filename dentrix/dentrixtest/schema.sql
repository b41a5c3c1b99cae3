-- Dentrix as its documents show it, on MariaDB. The names and types of what begins
-- with v_ and sp_ are from the vendor's "Dentrix API Developer Guide" 2.1; the tables
-- behind them are made up, and so is all that begins with standin_. CHAR columns come
-- padded, bytes have a sign, wall times have no zone, and money shows a date only.
CREATE SCHEMA admin CHARACTER SET latin1 COLLATE latin1_bin;
USE admin;
SET SESSION sql_mode='PAD_CHAR_TO_FULL_LENGTH,STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO';

CREATE TABLE options (optionkey VARCHAR(64) PRIMARY KEY, optionvalue VARCHAR(255));

CREATE TABLE standin_state (
  wall DATETIME NOT NULL, locked TINYINT(1) NOT NULL, closed_through DATE, rights_changed TINYINT(1) NOT NULL DEFAULT 0);

CREATE TABLE standin_patient (
  patient_id INT AUTO_INCREMENT PRIMARY KEY, patient_guid CHAR(36) NOT NULL UNIQUE,
  last_name CHAR(21), first_name CHAR(16), mi CHAR(2), preferred_name CHAR(16),
  guar_id INT, guar_guid CHAR(36),
  home_phone CHAR(17), work_phone CHAR(17), work_ext CHAR(5), other_phone CHAR(17), mobile_phone CHAR(17),
  chart_num CHAR(20), pri_provider_id CHAR(4), sec_provider_id CHAR(4),
  gender TINYINT, status TINYINT NOT NULL, birth_date DATE, first_visit_date DATE, last_visit_date DATE,
  email CHAR(60), note VARCHAR(1000), privacy_flags TINYINT, KEY (birth_date));

CREATE TABLE standin_appt (
  appointment_id INT AUTO_INCREMENT PRIMARY KEY, modified_time_stamp DATETIME NOT NULL,
  appointment_date DATE, operatory_id CHAR(4), provider_id CHAR(4), broken TINYINT(1) NOT NULL DEFAULT 0,
  patient_name CHAR(32), patient_id INT NOT NULL, patient_guid CHAR(36), length SMALLINT, amount DECIMAL(12,2),
  broken_date DATE, appt_flag TINYINT, patient_phone CHAR(17), reason CHAR(61),
  start_hour TINYINT, start_minute TINYINT, status_id TINYINT, production_type TINYINT, newpatient_addressid INT,
  followup SMALLINT, staff_id CHAR(4), create_date DATE, created_by_user CHAR(4),
  KEY (appointment_date), KEY (modified_time_stamp));

CREATE TABLE standin_note (
  modified_time_stamp DATETIME NOT NULL, notetype TINYINT NOT NULL, noteid INT NOT NULL, notetext TEXT, PRIMARY KEY (notetype, noteid));

CREATE TABLE standin_status (defid INT PRIMARY KEY, descript CHAR(52));
CREATE TABLE standin_paytype (def_id INT PRIMARY KEY, modified_time_stamp DATETIME NOT NULL, descript CHAR(52));
CREATE TABLE standin_adjtype (def_id INT PRIMARY KEY, modified_time_stamp DATETIME NOT NULL, descript CHAR(52));
CREATE TABLE standin_doctype (dc_doctype_id INT PRIMARY KEY, doctype_desc CHAR(41));
CREATE TABLE standin_operatory (op_id CHAR(4) PRIMARY KEY, op_title CHAR(21));
CREATE TABLE standin_provider (
  provider_id CHAR(4) PRIMARY KEY, last_name CHAR(21), first_name CHAR(16), mi CHAR(2), suffix CHAR(10), npi CHAR(10), tin CHAR(11),
  specialty_id INT, issecondaryprovider TINYINT, isnonperson TINYINT(1), inactive TINYINT(1));

CREATE TABLE standin_journal (
  contact_id INT AUTO_INCREMENT PRIMARY KEY, patient_id INT NOT NULL, contact_date DATE, contact_time TIME, provider_id CHAR(4),
  contact_type SMALLINT, contact_description CHAR(80), contact_note VARCHAR(5128), KEY (patient_id));

CREATE TABLE standin_proclog (
  procid INT AUTO_INCREMENT PRIMARY KEY, automodifiedtimestamp DATETIME NOT NULL, patid INT NOT NULL, guarid INT NOT NULL,
  chartstatus TINYINT NOT NULL, procdate DATE, entrydate DATE, proccodeid INT, claimid INT, proclogclass TINYINT, proclogorder TINYINT,
  provid CHAR(4), history TINYINT(1) NOT NULL DEFAULT 0, amt DECIMAL(12,2), checknumber CHAR(20), notetext VARCHAR(255), KEY (guarid), KEY (proccodeid));

CREATE TABLE standin_document (
  docid INT AUTO_INCREMENT PRIMARY KEY, patient_id INT NOT NULL, dc_doctype_id INT, docdate DATE, title CHAR(80), extension CHAR(8),
  content LONGBLOB, KEY (patient_id));

CREATE VIEW v_patient AS SELECT patient_id, patient_guid, last_name, first_name, mi, preferred_name, guar_id, guar_guid, home_phone, work_phone,
  work_ext, other_phone, mobile_phone, chart_num, pri_provider_id, sec_provider_id, gender, status, birth_date, first_visit_date, last_visit_date,
  email, note, privacy_flags FROM standin_patient;
CREATE VIEW v_appt AS SELECT modified_time_stamp, appointment_id, appointment_date, operatory_id, provider_id, broken, patient_name, patient_id,
  patient_guid, length, amount, broken_date, appt_flag, patient_phone, reason, start_hour, start_minute, status_id, production_type,
  newpatient_addressid, followup, staff_id, create_date, created_by_user FROM standin_appt;
CREATE VIEW v_notes AS SELECT modified_time_stamp, notetype, noteid, notetext FROM standin_note;
CREATE VIEW v_appt_status_codes AS SELECT defid, descript FROM standin_status;
CREATE VIEW v_payment_types AS SELECT modified_time_stamp, def_id, descript FROM standin_paytype;
CREATE VIEW v_adjustment_types AS SELECT modified_time_stamp, def_id, descript FROM standin_adjtype;
CREATE VIEW v_document_types AS SELECT dc_doctype_id, doctype_desc FROM standin_doctype;
CREATE VIEW v_operatory AS SELECT op_id, op_title FROM standin_operatory;
CREATE VIEW v_provider AS SELECT provider_id, last_name, first_name, mi, suffix, npi, tin, specialty_id, issecondaryprovider, isnonperson, inactive
  FROM standin_provider;
CREATE VIEW v_proclog AS SELECT automodifiedtimestamp, procid, patid, guarid, chartstatus, procdate, entrydate, proccodeid, claimid, proclogclass,
  proclogorder, provid, history, amt FROM standin_proclog;

-- The system catalog that c-tree keeps of procedures and rights.
CREATE SQL SECURITY INVOKER VIEW sysprocedures AS SELECT CAST(CRC32(SPECIFIC_NAME) & 2147483647 AS INT) AS proc_id, ROUTINE_SCHEMA AS owner, ROUTINE_NAME AS proc_name
  FROM information_schema.ROUTINES WHERE ROUTINE_TYPE='PROCEDURE' AND ROUTINE_SCHEMA='admin';
CREATE SQL SECURITY INVOKER VIEW sysproccolumns AS SELECT CAST(CRC32(SPECIFIC_NAME) & 2147483647 AS INT) AS proc_id, ORDINAL_POSITION AS id, PARAMETER_NAME AS name, PARAMETER_MODE AS argtype,
  DATA_TYPE AS datatype, IFNULL(CHARACTER_MAXIMUM_LENGTH, 0) AS width
  FROM information_schema.PARAMETERS WHERE ROUTINE_TYPE='PROCEDURE' AND SPECIFIC_SCHEMA='admin';
CREATE SQL SECURITY INVOKER VIEW systables AS SELECT TABLE_NAME AS tbl, TABLE_SCHEMA AS owner, IF(TABLE_TYPE='VIEW','V','T') AS tbltype
  FROM information_schema.TABLES WHERE TABLE_SCHEMA='admin';
CREATE SQL SECURITY INVOKER VIEW syscolumns AS SELECT TABLE_NAME AS tbl, TABLE_SCHEMA AS owner, COLUMN_NAME AS col, ORDINAL_POSITION AS id, DATA_TYPE AS coltype
  FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='admin';
CREATE SQL SECURITY INVOKER VIEW systabauth AS SELECT TABLE_NAME AS tbl, TABLE_SCHEMA AS tblowner, GRANTEE AS grantee, 'y' AS sel
  FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA='admin' AND PRIVILEGE_TYPE='SELECT';
