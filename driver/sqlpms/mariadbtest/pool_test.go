package mariadbtest_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
)

func officePool(tb testing.TB) *mariadbtest.Pool {
	p := &mariadbtest.Pool{
		Options: mariadbtest.Options{Flags: []string{"--sql-mode=ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,STRICT_ALL_TABLES"}},
		Schemas: []string{"PPM", "admin"},
		Prepare: func(ctx context.Context, db *sql.DB) error {
			_, err := db.ExecContext(ctx, `CREATE SCHEMA "PPM"; CREATE SCHEMA admin;
				CREATE TABLE "PPM"."patient" (patient_id char(5) PRIMARY KEY, last_name varchar(40), initial char(1) AS (left(last_name,1)) STORED);
				INSERT INTO "PPM"."patient" (patient_id, last_name) VALUES ('1','Quill'),('2','Bell');
				CREATE TABLE admin.note (id int AUTO_INCREMENT PRIMARY KEY, patient_id char(5));
				CREATE VIEW admin.v_patient AS SELECT * FROM "PPM"."patient";
				CREATE PROCEDURE admin.add_note(p char(5)) INSERT INTO admin.note (patient_id) VALUES (p);
				INSERT INTO admin.note VALUES (0,'1')`)
			return err
		},
	}
	tb.Cleanup(func() { require.NoError(tb, p.Close()) })
	return p
}

func count(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRow(query).Scan(&n))
	return n
}

func TestAPoolPutsRowsBack(t *testing.T) {
	t.Parallel()
	p := officePool(t)
	var first string
	t.Run("a case", func(t *testing.T) {
		l := p.Borrow(t)
		first = l.Socket
		db := l.Open(t, "admin")
		_, err := db.Exec("CALL admin.add_note('2')")
		require.NoError(t, err)
		_, err = l.Root.Exec(`DELETE FROM "PPM"."patient" WHERE patient_id='1'; UPDATE "PPM"."patient" SET last_name='Moved'`)
		require.NoError(t, err)
		// A transaction that nobody ends must not keep the server from coming back.
		tx, err := db.Begin()
		require.NoError(t, err)
		_, err = tx.Exec("UPDATE admin.note SET patient_id='9'")
		require.NoError(t, err)
	})
	l := p.Borrow(t)
	require.Equal(t, first, l.Socket, "the same server")
	require.Equal(t, 1, count(t, l.Root, "SELECT COUNT(*) FROM admin.note WHERE patient_id='1'"))
	require.Equal(t, 1, count(t, l.Root, "SELECT COUNT(*) FROM admin.note"))
	require.Equal(t, 2, count(t, l.Root, "SELECT COUNT(*) FROM admin.v_patient WHERE last_name IN ('Quill','Bell') AND initial IN ('Q','B')"))
	require.Equal(t, 5, count(t, l.Root, "SELECT CHAR_LENGTH(patient_id) FROM admin.v_patient LIMIT 1"), "blank-padded")
}

func TestBorrowersDoNotShareAServer(t *testing.T) {
	t.Parallel()
	p := officePool(t)
	a, b := p.Borrow(t), p.Borrow(t)
	_, err := a.Root.Exec("DELETE FROM admin.note")
	require.NoError(t, err)
	require.Equal(t, 1, count(t, b.Root, "SELECT COUNT(*) FROM admin.note"))
}

func TestASpoiltServerIsNotLentAgain(t *testing.T) {
	t.Parallel()
	p := officePool(t)
	var first string
	t.Run("a case", func(t *testing.T) {
		l := p.Borrow(t)
		first = l.Socket
		_, err := l.Root.Exec("DROP TABLE admin.note")
		require.NoError(t, err)
		l.Spoil()
	})
	require.NoFileExists(t, first)
	require.Equal(t, 1, count(t, p.Borrow(t).Root, "SELECT COUNT(*) FROM admin.note"))
}

func TestRestoreUndoesWhatIsNoRow(t *testing.T) {
	t.Parallel()
	p := officePool(t)
	p.Restore = func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "SET GLOBAL read_only=0")
		return err
	}
	t.Run("a case", func(t *testing.T) {
		_, err := p.Borrow(t).Root.Exec("SET GLOBAL read_only=1")
		require.NoError(t, err)
	})
	require.Zero(t, count(t, p.Borrow(t).Root, "SELECT @@global.read_only"))
}

// BenchmarkBorrow tells what a case with a server of its own costs: one from the
// pool against one that is started.
func BenchmarkBorrow(b *testing.B) {
	p := officePool(b)
	borrowOnce(b, p) // the first one prepares
	b.Run("baseline", func(b *testing.B) {
		for b.Loop() {
			s, err := mariadbtest.New(b.Context(), p.Options)
			if err != nil {
				mariadbtest.Missing(b, err)
			}
			require.NoError(b, s.Close())
		}
	})
	b.Run("lent", func(b *testing.B) {
		for b.Loop() {
			borrowOnce(b, p)
		}
	})
}

// borrowOnce is a case: it borrows, changes something, and gives back.
func borrowOnce(b *testing.B, p *mariadbtest.Pool) {
	c := &aCase{TB: b}
	defer c.end()
	_, err := p.Borrow(c).Root.Exec("INSERT INTO admin.note (patient_id) VALUES ('2')")
	require.NoError(b, err)
}

// aCase is a test inside a benchmark, whose clean-ups run at its own end.
type aCase struct {
	testing.TB
	cleanups []func()
}

func (c *aCase) Cleanup(f func()) { c.cleanups = append(c.cleanups, f) }

func (c *aCase) end() {
	for i := len(c.cleanups) - 1; i >= 0; i-- {
		c.cleanups[i]()
	}
}
