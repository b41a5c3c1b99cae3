-- What SQL Anywhere has of itself and the driver asks for.

SET SESSION sql_mode='ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES';

CREATE FUNCTION "PPM"."PROPERTY" (name VARCHAR(60)) RETURNS VARCHAR(60) READS SQL DATA
  RETURN IF(name='ProductVersion', (SELECT engine FROM "standin"."product"), NULL);
CREATE FUNCTION "PPM"."GETDATE" () RETURNS DATETIME(3) READS SQL DATA
  RETURN COALESCE((SELECT wall FROM "standin"."clock"), SYSDATE(3));
CREATE FUNCTION "PPM"."USER_ID" (name VARCHAR(128)) RETURNS BIGINT DETERMINISTIC
  RETURN (SELECT CRC32(SCHEMA_NAME) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME=name);
-- The application's signature is a variable here: it is a temporary option there.
CREATE FUNCTION "standin"."authenticated" () RETURNS INT READS SQL DATA
  RETURN COALESCE(@connection_authentication=(SELECT signature FROM "standin"."oem"), 0);
CREATE FUNCTION "PPM"."CONNECTION_PROPERTY" (name VARCHAR(60)) RETURNS VARCHAR(60) READS SQL DATA
  RETURN CASE name
    WHEN 'Authenticated' THEN IF("standin"."authenticated"(), 'Yes', 'No')
    WHEN 'isolation_level' THEN CASE @@tx_isolation WHEN 'READ-UNCOMMITTED' THEN '0' WHEN 'READ-COMMITTED' THEN '1' WHEN 'REPEATABLE-READ' THEN '2' ELSE '3' END
    WHEN 'quoted_identifier' THEN COALESCE(@quoted_identifier, 'On') -- a function has an sql_mode of its own
  END;

-- A connection of the PMS's own staff (root) has no such variable.
CREATE PROCEDURE "standin"."guard" () READS SQL DATA
BEGIN
  IF @connected_at IS NOT NULL AND NOT "standin"."authenticated"()
    AND TIMESTAMPDIFF(SECOND, @connected_at, SYSDATE(6)) + (SELECT aged FROM "standin"."oem") >= (SELECT grace FROM "standin"."oem") THEN
    SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO=1644, MESSAGE_TEXT='Authentication violation';
  END IF;
END;

-- The schema sys is there in every MariaDB; names of schemas are folded.
CREATE VIEW "SYS"."SYSTAB" AS
  SELECT CRC32(CONCAT(TABLE_SCHEMA,'.',TABLE_NAME)) AS table_id, TABLE_NAME AS table_name, CRC32(TABLE_SCHEMA) AS creator
  FROM information_schema.TABLES WHERE TABLE_SCHEMA='PPM';
CREATE VIEW "SYS"."SYSTABCOL" AS
  SELECT CRC32(CONCAT(TABLE_SCHEMA,'.',TABLE_NAME)) AS table_id, ORDINAL_POSITION AS column_id, COLUMN_NAME AS column_name,
    IF(EXTRA='auto_increment', 'autoincrement', COLUMN_DEFAULT) AS "default",
    CHARACTER_MAXIMUM_LENGTH AS width
  FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='PPM';
