-- An office without patients. Payment types are the vendor's defaults ("Customizing
-- payment types"), statuses those of its help for Canada; the rest is made up.
INSERT INTO standin_state VALUES ('2026-01-05 08:00:00', 0, NULL, 0);
INSERT INTO options VALUES ('Data_Version', '16.20'), ('v_patient', '3'), ('v_appt', '2'), ('v_notes', '1'), ('v_provider', '2'), ('v_operatory', '1'),
  ('v_appt_status_codes', '1'), ('v_payment_types', '1'), ('v_adjustment_types', '1'), ('v_document_types', '1'), ('v_proclog', '1'),
  ('sp_appointments', '4'), ('sp_getpatientofficejournal', '1'), ('sp_getaccountpayments', '2'), ('sp_getpatientadjustments', '1');
INSERT INTO standin_status VALUES (1, '??????'), (2, 'FIRM'), (3, 'FIRM-E'), (4, 'EMERGENCY'), (5, 'HERE'), (6, 'READY');
INSERT INTO standin_paytype VALUES (1, '2020-01-01', 'Check Payment - Thank You'), (2, '2020-01-01', 'Cash Payment - Thank You'),
  (4, '2020-01-01', 'VISA/MC Payment - Thank You'), (7, '2020-01-01', 'Online Credit Card - Thank You');
INSERT INTO standin_adjtype VALUES (1, '2020-01-01', '-Professional Courtesy'), (2, '2020-01-01', '+Late Charge'), (7, '2020-01-01', '+Refund'),
  (200, '2020-01-01', '+Card fee');
INSERT INTO standin_doctype VALUES (1, 'Insurance'), (2, 'Patient Information'), (3, 'Consent forms');
INSERT INTO standin_operatory VALUES ('OP-1', 'Operatory 1'), ('OP-2', 'Operatory 2');
INSERT INTO standin_provider (provider_id, last_name, first_name, issecondaryprovider, isnonperson, inactive) VALUES
  ('DDS1', 'Rowan', 'Iris', 0, 0, 0), ('DDS2', 'Pike', 'Owen', 0, 0, 0), ('HYG1', 'Vale', 'Nora', 1, 0, 0), ('OLD1', 'Gone', 'Long', 0, 0, 1);

-- A member of the developer programme, with rights on what it was granted.
CREATE USER dxmember IDENTIFIED BY 'dx-Secret-71';
