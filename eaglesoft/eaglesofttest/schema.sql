-- The tables that the driver uses, with the columns, types and widths of public
-- accounts of Eaglesoft. Columns that nobody here reads are left out.

SET SESSION sql_mode='ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES';
CREATE SCHEMA "PPM" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; -- case folds, as in SQL Anywhere
CREATE SCHEMA "standin" CHARACTER SET utf8mb4;
-- A database in which nothing of Eaglesoft's is.
CREATE SCHEMA "elsewhere" CHARACTER SET utf8mb4;

-- What the stand-in's hands turn. One row each.
CREATE TABLE "standin"."clock" (id INT PRIMARY KEY, wall DATETIME(3) NULL);
INSERT INTO "standin"."clock" VALUES (1, NULL);
CREATE TABLE "standin"."oem" (id INT PRIMARY KEY, signature VARCHAR(64) NOT NULL, grace INT NOT NULL, aged INT NOT NULL);
INSERT INTO "standin"."oem" VALUES (1, 'Signature7Q', 30, 0);
CREATE TABLE "standin"."product" (id INT PRIMARY KEY, engine VARCHAR(32) NULL);
INSERT INTO "standin"."product" VALUES (1, '17.0.11.6933');

CREATE TABLE "PPM"."system_preferences" (system_id INT PRIMARY KEY, version VARCHAR(20) NULL);
INSERT INTO "PPM"."system_preferences" VALUES (1, '24.10.09');

CREATE TABLE "PPM"."provider" (
  provider_id CHAR(3) PRIMARY KEY, first_name VARCHAR(30) NULL, last_name VARCHAR(30) NULL,
  status CHAR(1) NULL, collections_go_to CHAR(3) NULL, position_id INT NULL, practice_id SMALLINT NULL);

CREATE TABLE "PPM"."patient" (
  patient_id CHAR(5) PRIMARY KEY, first_name VARCHAR(30) NULL, last_name VARCHAR(30) NULL, preferred_name VARCHAR(30) NULL,
  home_phone VARCHAR(20) NULL, work_phone VARCHAR(20) NULL, cell_phone VARCHAR(20) NULL, pager_phone VARCHAR(20) NULL,
  email_address VARCHAR(80) NULL, status CHAR(1) NULL, patient_status CHAR(1) NULL, responsible_party CHAR(5) NULL,
  birth_date DATE NULL, practice_id SMALLINT NULL, date_entered DATE NULL,
  current_bal DECIMAL(15,2) NOT NULL DEFAULT 0, thirty_day DECIMAL(15,2) NOT NULL DEFAULT 0, patient_image_id INT NULL,
  KEY born (birth_date), KEY entered (date_entered));

CREATE TABLE "PPM"."chairs" (chair_num INT PRIMARY KEY, chair_name VARCHAR(30) NULL, practice_id SMALLINT NULL);
CREATE TABLE "PPM"."appt_types" (type_id INT PRIMARY KEY, description VARCHAR(40) NULL, active SMALLINT NULL);

CREATE TABLE "PPM"."appointment" (
  appointment_id INT PRIMARY KEY AUTO_INCREMENT, description VARCHAR(100) NULL, allday_event SMALLINT NOT NULL DEFAULT 0,
  start_time DATETIME(3) NULL, end_time DATETIME(3) NULL, patient_id CHAR(5) NULL, location_id INT NULL,
  classification INT NULL, appointment_type_id INT NULL, date_appointed DATE NULL, date_confirmed DATE NULL,
  appointment_notes TEXT NULL, scheduled_by CHAR(3) NULL, modified_by CHAR(3) NULL,
  arrival_status INT NULL, arrival_time DATETIME(3) NULL, inchair_time DATETIME(3) NULL, walkout_time DATETIME(3) NULL,
  confirmation_status INT NULL, confirmation_note VARCHAR(255) NULL, "private" SMALLINT NOT NULL DEFAULT 0,
  KEY starts (start_time));
CREATE TABLE "PPM"."appointment_provider" (
  appointment_id INT NOT NULL, provider_id CHAR(3) NOT NULL, start_time DATETIME(3) NULL, end_time DATETIME(3) NULL,
  PRIMARY KEY (appointment_id, provider_id));
CREATE TABLE "PPM"."appt_log" (
  appt_log_id INT PRIMARY KEY AUTO_INCREMENT, user_id CHAR(3) NULL, appt_id INT NULL, appt_log_action CHAR(1) NULL,
  old_date DATETIME(3) NULL, new_date DATETIME(3) NULL, old_slot INT NULL, new_slot INT NULL, date_deleted DATETIME(3) NULL,
  patient_id CHAR(5) NULL, modified_by CHAR(3) NULL, practice_id SMALLINT NULL);

CREATE TABLE "PPM"."operatory_notes_type" (id INT PRIMARY KEY, note_type CHAR(1) NULL, description VARCHAR(40) NULL);
CREATE TABLE "PPM"."operatory_notes" (
  note_id INT PRIMARY KEY AUTO_INCREMENT, patient_id CHAR(5) NOT NULL, date_entered DATETIME(3) NOT NULL, user_id CHAR(3) NULL,
  note_class CHAR(1) NULL, note_type CHAR(1) NULL, note_type_id INT NULL, description VARCHAR(40) NULL, note VARCHAR(4000) NULL,
  color INT NULL, post_proc_status CHAR(1) NULL, date_modified DATETIME(3) NULL, modified_by CHAR(3) NULL,
  locked_eod INT NULL, status CHAR(1) NULL, claim_id INT NULL, statement_yn CHAR(1) NULL DEFAULT 'N', resp_party_id CHAR(5) NULL,
  tran_num INT NULL, practice_id SMALLINT NULL, freshness DATETIME(3) NULL,
  KEY of_patient (patient_id, date_entered),
  CONSTRAINT fk_patient FOREIGN KEY (patient_id) REFERENCES "PPM"."patient" (patient_id));

CREATE TABLE "PPM"."document_group" (group_id INT PRIMARY KEY, description VARCHAR(60) NULL, "type" CHAR(1) NULL);
CREATE TABLE "PPM"."document" (
  document_id INT PRIMARY KEY AUTO_INCREMENT, document_name VARCHAR(128) NULL, document_type VARCHAR(60) NULL,
  document_creation_date DATETIME(3) NULL, document_modified_date DATETIME(3) NULL, open_with INT NULL,
  ref_id CHAR(5) NULL, ref_table VARCHAR(30) NULL, user_id CHAR(3) NULL, original_user_id CHAR(3) NULL,
  "private" CHAR(1) NULL, display_in_docmgr CHAR(1) NULL, signed CHAR(1) NULL, needs_converted CHAR(1) NULL,
  notice_of_privacy CHAR(1) NULL, privacy_authorization CHAR(1) NULL, consent CHAR(1) NULL, practice_id SMALLINT NULL,
  custom_document_id INT NULL, headerfooter_added INT NULL, document_group_id INT NULL,
  KEY of_patient (ref_table, ref_id),
  CONSTRAINT fk_group FOREIGN KEY (document_group_id) REFERENCES "PPM"."document_group" (group_id));
CREATE TABLE "PPM"."practice_preferences" (practice_id SMALLINT PRIMARY KEY, server_computer VARCHAR(60) NULL, server_share VARCHAR(60) NULL);

CREATE TABLE "PPM"."paytype" (
  paytype_id SMALLINT PRIMARY KEY, "sequence" SMALLINT NULL, description VARCHAR(40) NULL, display_on_payment_screen CHAR(1) NULL);
CREATE TABLE "PPM"."transactions_header" (
  tran_num INT PRIMARY KEY AUTO_INCREMENT, user_id CHAR(3) NULL, "type" CHAR(1) NULL, tran_date DATE NULL, resp_party_id CHAR(5) NULL,
  amount DECIMAL(15,2) NULL, paytype_id SMALLINT NULL, description VARCHAR(50) NULL, impacts CHAR(1) NULL, status CHAR(1) NULL,
  adjustment_type SMALLINT NULL, aging_date DATE NULL, practice_id SMALLINT NULL, KEY of_party (resp_party_id, tran_date));
CREATE TABLE "PPM"."transactions_detail" (
  detail_id INT PRIMARY KEY AUTO_INCREMENT, tran_num INT NULL, user_id CHAR(3) NULL, date_entered DATETIME(3) NULL, provider_id CHAR(3) NULL,
  collections_go_to CHAR(3) NULL, patient_id CHAR(5) NULL, amount DECIMAL(15,2) NULL, provider_practice_id SMALLINT NULL,
  patient_practice_id SMALLINT NULL, applied_to INT NULL, status INT NULL, status_modifier INT NULL, posneg INT NULL, KEY of_tran (tran_num));
CREATE TABLE "PPM"."transactions_extra" (tran_num INT PRIMARY KEY, tooth_data CHAR(55) NULL, show_on_chart CHAR(1) NULL);
