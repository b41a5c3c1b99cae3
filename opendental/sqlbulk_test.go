package opendental_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// bulkServer is a MariaDB with as much memory as an office's.
func bulkServer(b *testing.B) *mariadbtest.Server {
	b.Helper()
	return mariadbtest.Start(b, mariadbtest.Options{TimeZone: "America/Chicago", Flags: []string{
		"--sql-mode=", "--innodb-buffer-pool-size=768M", "--innodb-log-file-size=256M", "--key-buffer-size=256M", "--myisam-sort-buffer-size=256M",
	}})
}

// bulk is a practice with so many years behind it.
type bulk struct {
	name         string
	root         *sql.DB
	pool         *sqlx.DB // the reader's
	server       *mariadbtest.Server
	appointments int
}

// bookedPerDay is how many appointments a day has, in a large practice as in a
// small one: the large one is older.
const bookedPerDay = 300

// newBulk makes a practice with a patient for every five appointments. The last
// of them lie in the coming three weeks.
func newBulk(b *testing.B, server *mariadbtest.Server, engine string, appointments int) *bulk {
	b.Helper()
	p := &bulk{name: server.Database(b), server: server, appointments: appointments}
	cfg := server.Config(p.name)
	cfg.MultiStatements = true
	connector, err := mysql.NewConnector(cfg)
	require.NoError(b, err)
	p.root = sql.OpenDB(connector)
	b.Cleanup(func() { _ = p.root.Close() })
	office, err := opendentaltest.NewOffice(opendentaltest.Config{Store: opendentaltest.MySQLDB(p.root)})
	require.NoError(b, err)
	require.NoError(b, office.Close())
	last := 21 * bookedPerDay // so many are still to come
	patients := appointments / 5
	for _, s := range []string{
		fmt.Sprintf("INSERT INTO patient (LName,FName,Birthdate,PatStatus,HmPhone,WirelessPhone,ClinicNum,SecDateEntry,DateTStamp,ImageFolder)"+
			" SELECT CONCAT('Last',seq%%5000),CONCAT('First',seq%%700),'1940-01-01' + INTERVAL seq*37%%29000 DAY,IF(seq%%9,0,3),'(503)555-0100','503-555-0199',1,"+
			"'2010-01-01' + INTERVAL seq%%5000 DAY,'2020-01-01' + INTERVAL seq SECOND,'AB' FROM seq_1_to_%d", patients),
		fmt.Sprintf("INSERT INTO appointment (PatNum,AptStatus,Pattern,Confirmed,Op,Note,ProvNum,AptDateTime,DateTStamp,DateTimeArrived,DateTimeSeated,DateTimeDismissed,ClinicNum,ProcDescript,ProcsColored,SecurityHash)"+
			" SELECT 1+seq*7919%%%d,IF(seq>%d,1,IF(seq%%20,2,5)),'/XXXX/',21,seq%%8+1,'Cleaning, four bitewings',seq%%4+1,@day + INTERVAL FLOOR((seq-%d)/%d) DAY + INTERVAL 480+seq%%54*10 MINUTE,"+
			"NOW() - INTERVAL 2 HOUR - INTERVAL (%d-seq) MINUTE,'0001-01-01','0001-01-01','0001-01-01',1,'PerEx, 4BW, Pro','','x' FROM seq_1_to_%d",
			patients, appointments-last, appointments-last, bookedPerDay, appointments, appointments),
		"INSERT INTO histappointment (HistDateTStamp,HistApptAction,AptNum,PatNum,AptStatus,AptDateTime,DateTStamp,ClinicNum,Note,ProcDescript,ProcsColored)" +
			" SELECT DateTStamp,0,AptNum,PatNum,AptStatus,AptDateTime,DateTStamp,ClinicNum,'','','' FROM appointment",
		fmt.Sprintf("INSERT INTO document (DocCategory,PatNum,DateCreated,DateTStamp,FileName,ImgType,DegreesRotated,Note,RawBase64,Thumbnail,OcrResponseData)"+
			" SELECT IF(seq%%5,131,190),1+seq*31%%%d,'2015-01-01' + INTERVAL seq MINUTE,'2021-01-01' + INTERVAL seq SECOND,CONCAT('a',seq,'.jpg'),2,0,'','','','' FROM seq_1_to_%d",
			patients, appointments/2),
		fmt.Sprintf("INSERT INTO signalod (DateViewing,SigDateTime,FKey,FKeyType,IType,MsgValue) SELECT CURDATE(),NOW() - INTERVAL (%d-seq) SECOND - INTERVAL 1 MINUTE,seq,'PatNum',IF(seq%%3,68,5),'' FROM seq_1_to_%d",
			appointments/20, appointments/20),
	} {
		p.load(b, engine, s)
	}
	pool := server.Config(p.name)
	p.pool, err = sqlx.Open("mysql", pool.FormatDSN())
	require.NoError(b, err)
	b.Cleanup(func() { _ = p.pool.Close() })
	return p
}

// load fills one table, before it has its indexes where the engine can sort them
// at once.
func (p *bulk) load(b *testing.B, engine, statement string) {
	b.Helper()
	var table, rest string
	_, err := fmt.Sscanf(statement, "INSERT INTO %s %s", &table, &rest)
	require.NoError(b, err)
	conn, err := p.root.Conn(context.Background())
	require.NoError(b, err)
	defer func() { _ = conn.Close() }()
	for _, s := range []string{
		"SET SESSION unique_checks=0, foreign_key_checks=0, sql_mode='NO_UNSIGNED_SUBTRACTION'", "SET @day=CURDATE()",
		"DELETE FROM " + table, "ALTER TABLE " + table + " ENGINE=" + engine, statement, "ANALYZE TABLE " + table,
	} {
		_, err := conn.ExecContext(context.Background(), s)
		require.NoError(b, err, s)
	}
}

// connect connects the practice.
func (p *bulk) connect(b *testing.B, db *sqlx.DB) driver.Conn {
	b.Helper()
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(b, err)
	connector, err := opendental.NewConnector(opendental.Config{DB: db, ImagesDir: b.TempDir(), PhotoCategory: "190"})
	require.NoError(b, err)
	conn, err := connector.Connect(context.Background(), driver.Env{Location: chicago})
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}
