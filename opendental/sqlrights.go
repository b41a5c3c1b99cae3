package opendental

import (
	"context"
	"slices"
)

// rightsStatement asks for what the user may do besides what the columns of the
// tables show: in the whole server, in the database, in single tables.
const rightsStatement = "SELECT PRIVILEGE_TYPE AS Rights FROM information_schema.USER_PRIVILEGES" +
	" UNION SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE DATABASE() LIKE TABLE_SCHEMA" +
	" UNION SELECT PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA=DATABASE()"

// alteringRights are the rights that a user who only reads does not need. Rights
// of the server's administration are not looked for.
var alteringRights = []string{
	"INSERT", "UPDATE", "DELETE", "DELETE HISTORY", "CREATE", "DROP", "ALTER", "INDEX", "TRIGGER", "CREATE VIEW", "CREATE ROUTINE",
	"ALTER ROUTINE", "EVENT", "SUPER", "FILE", "LOCK TABLES",
}

// readRights notes whether the user may change anything.
func (s *sqlSchema) readRights(ctx context.Context, op string, c *sqlConn) error {
	rows, err := c.db.query(ctx, op, rightsStatement)
	if err != nil {
		return err
	}
	s.writes = s.writes || slices.ContainsFunc(rows, func(r row) bool { return slices.Contains(alteringRights, r.text("Rights")) })
	return nil
}
