-- A practice without patients.

INSERT INTO "PPM"."provider" (provider_id, first_name, last_name, status, collections_go_to, position_id, practice_id) VALUES
  ('DR1', 'Nora', 'Feld', 'A', 'DR1', 1, 1), ('HY2', 'Omar', 'Lind', 'A', 'DR1', 2, 1), ('WEB', 'Front', 'Desk', 'A', 'DR1', 5, 1),
  ('D9', 'Retired', 'Dentist', 'I', 'DR1', 1, 1);
INSERT INTO "PPM"."chairs" VALUES (1, 'Chair 1', 1), (2, 'Chair 2', 1), (3, 'Chair 3', 2);
INSERT INTO "PPM"."appt_types" VALUES (1, 'Recall', 1), (2, 'Crown', 1), (3, 'Old type', 0);
INSERT INTO "PPM"."operatory_notes_type" VALUES (2, 'N', 'Note'), (4, 'A', 'Account'), (7, 'G', 'General');
INSERT INTO "PPM"."document_group" VALUES (1, 'Treatment Plans', 'I'), (2, 'Insurance Documents', 'I'), (3, 'Consents', 'I'), (4, 'Of another kind', 'X');
INSERT INTO "PPM"."practice_preferences" VALUES (1, 'SERVER', 'EagleSoft');
INSERT INTO "PPM"."paytype" VALUES (1, 1, 'Cash', 'Y'), (2, 2, 'Online Payment', 'Y'), (3, 3, 'Card Terminal', 'Y');
