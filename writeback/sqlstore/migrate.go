package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// step is one migration; its version is the number its file name begins with.
type step struct {
	version int
	script  string
}

// steps reads a dialect's migrations from source, in order.
func steps(source fs.FS, folder string) ([]step, error) {
	dir := path.Join("migrations", folder)
	entries, err := fs.ReadDir(source, dir)
	if err != nil {
		return nil, err
	}
	var out []step
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("migration %s: its name must begin with a number", e.Name())
		}
		script, err := fs.ReadFile(source, path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, step{version: version, script: string(script)})
	}
	slices.SortFunc(out, func(a, b step) int { return a.version - b.version })
	return out, nil
}

// migrate brings the schema up to date. The version is read again under the
// write lock, so that two processes that start together do it once.
func migrate(ctx context.Context, db *sql.DB, d *dialect) error {
	all, err := steps(migrations, d.folder)
	if err != nil {
		return err
	}
	return migrateTo(ctx, db, d, all)
}

func migrateTo(ctx context.Context, db *sql.DB, d *dialect, all []step) (err error) {
	latest := all[len(all)-1].version
	conn, err := db.Conn(ctx)
	if err != nil {
		return d.explain(err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	version, err := schemaVersion(ctx, conn, d)
	if err != nil {
		return err
	}
	if version == latest {
		return nil
	}
	if version > latest {
		return fmt.Errorf("the database has schema version %d, this version of the library knows up to %d: update the library", version, latest)
	}
	if _, err := conn.ExecContext(ctx, d.begin); err != nil {
		return fmt.Errorf("migrate: %w", d.explain(err))
	}
	// Whatever happens below, the connection goes back without a transaction.
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	if version, err = schemaVersion(ctx, conn, d); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS pms_schema (version INTEGER NOT NULL)"); err != nil {
		return fmt.Errorf("migrate: %w", d.explain(err))
	}
	for _, st := range all {
		if st.version <= version {
			continue
		}
		if _, err := conn.ExecContext(ctx, st.script); err != nil {
			return fmt.Errorf("migrate to schema version %d: %w", st.version, d.explain(err))
		}
		if _, err := conn.ExecContext(ctx, d.rebind("INSERT INTO pms_schema (version) VALUES (?)"), st.version); err != nil {
			return fmt.Errorf("migrate to schema version %d: %w", st.version, d.explain(err))
		}
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("migrate: %w", d.explain(err))
	}
	return nil
}

// schemaVersion is 0 for a database that the store has never used.
func schemaVersion(ctx context.Context, conn *sql.Conn, d *dialect) (int, error) {
	var tables int
	if err := conn.QueryRowContext(ctx, d.hasSchema).Scan(&tables); err != nil {
		return 0, fmt.Errorf("read the schema version: %w", d.explain(err))
	}
	if tables == 0 {
		return 0, nil
	}
	var version sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT max(version) FROM pms_schema").Scan(&version); err != nil {
		return 0, fmt.Errorf("read the schema version: %w", d.explain(err))
	}
	return int(version.Int64), nil
}
