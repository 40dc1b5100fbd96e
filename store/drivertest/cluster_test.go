package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

func TestMain(m *testing.M) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set { // most of the time the tests wait for another process, or a disk
		_ = flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0)))
	}
	if benchmarks := flag.Lookup("test.bench").Value.String() != ""; !benchmarks && os.Getenv("TMPDIR") == "" {
		if dir := memoryDir(); dir != "" { // no test ends the system: what a disk would add is time
			os.Setenv("TMPDIR", dir)
		}
	}
	code := m.Run()
	if server.stop != nil {
		server.stop()
	}
	os.Exit(code)
}

// serverVariable names a PostgreSQL server for the tests.
const serverVariable = "CREDITS_TEST_POSTGRES"

// server is the PostgreSQL server of all tests, started by the first that needs it.
var server struct {
	once sync.Once
	dsn  string // of a superuser
	err  error
	stop func()

	restart func() error // crashes it and starts it again; nil if it is not the tests' own
}

// postgresServer returns the connection string of a superuser. Without a server the
// test is skipped, or fails where CI promises one.
func postgresServer(t testing.TB) string {
	t.Helper()
	server.once.Do(func() {
		if server.dsn = os.Getenv(serverVariable); server.dsn == "" {
			server.dsn, server.stop, server.err = startServer()
		}
	})
	if server.err != nil {
		what := fmt.Sprintf("NOT TESTED ON POSTGRESQL: %v. Install PostgreSQL, or set %s.", server.err, serverVariable)
		if os.Getenv("CI") == "true" {
			t.Fatal(what)
		}
		fmt.Fprintln(os.Stderr, what)
		t.Skip(what)
	}
	return server.dsn
}

// binaries returns the folder of initdb and postgres.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("no initdb on PATH, nor under /usr/lib/postgresql")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// startServer makes the server of all tests.
func startServer() (dsn string, stop func(), err error) {
	p, err := newServer()
	if err != nil {
		return "", nil, err
	}
	server.restart = func() error {
		p.end(syscall.SIGQUIT)
		return p.start()
	}
	return p.dsn, func() {
		p.end(syscall.SIGINT)
		os.RemoveAll(p.dir)
	}, nil
}

// newServer makes a small server and starts it, in a folder of its own, which
// whoever ends it removes. It listens on a socket in that folder alone.
func newServer() (p *postmaster, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	attr, uid, err := process()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	if err := os.Chown(dir, uid, -1); err != nil {
		return nil, err
	}
	p = &postmaster{attr: attr, bin: bin, dir: dir}
	p.onPort(firstPort)
	initdb := []string{"-D", p.data, "-U", "super", "-A", "trust", "-E", "UTF8", "--no-instructions", "--no-sync"}
	// A language's order of letters shows that the store does not use it.
	if p.run("initdb", append(initdb, "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")...) != nil {
		if err := os.RemoveAll(p.data); err != nil {
			return nil, err
		}
		if err := p.run("initdb", append(initdb, "--no-locale")...); err != nil {
			return nil, err
		}
	}
	if err := p.start(); err != nil {
		return nil, err
	}
	return p, nil
}

// firstPort is what a socket is named after. Nothing listens on such a port.
const firstPort = 5432

// postmaster is a server that runs as a child of this process.
type postmaster struct {
	attr    *syscall.SysProcAttr
	bin     string // the folder of PostgreSQL's programs
	dir     string // of its sockets, its log and its data
	port    int
	data    string
	dsn     string // of a superuser
	process *os.Process
	ended   chan struct{}
}

// onPort gives a server its port, and the names that go by it.
func (p *postmaster) onPort(port int) {
	p.port = port
	p.data = filepath.Join(p.dir, fmt.Sprint("data", port))
	p.dsn = fmt.Sprintf("host=%s port=%d user=super dbname=postgres sslmode=disable", p.dir, port)
}

// standby makes a server that follows p, from a copy of it, and starts it.
func (p *postmaster) standby() (*postmaster, error) {
	s := &postmaster{attr: p.attr, bin: p.bin, dir: p.dir}
	s.onPort(p.port + 1)
	err := p.run("pg_basebackup", "-D", s.data, "-h", p.dir, "-p", fmt.Sprint(p.port), "-U", "super", "-X", "stream", "-c", "fast", "-R", "--no-sync")
	if err != nil {
		return nil, err
	}
	return s, s.start()
}

// run runs one of PostgreSQL's programs.
func (p *postmaster) run(name string, args ...string) error {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	if p.attr != nil {
		own := *p.attr
		own.Pdeathsig = 0
		cmd.SysProcAttr = &own
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// end sends the server a signal and waits until it has ended.
func (p *postmaster) end(signal os.Signal) {
	_ = p.process.Signal(signal)
	<-p.ended
}

// start runs the server and waits until it answers.
func (p *postmaster) start() error {
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(
		filepath.Join(p.bin, "postgres"), "-D", p.data, "-k", p.dir, "-p", fmt.Sprint(p.port), "-c", "listen_addresses=",
		"-c", "shared_buffers=64MB", "-c", "max_connections=150", "-c", "max_wal_size=256MB",
	)
	cmd.Dir, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = p.dir, p.attr, log, log
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the server ends with the thread that started it
		started <- cmd.Start()
		if cmd.Process != nil {
			_ = cmd.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	p.process, p.ended = cmd.Process, ended
	for deadline := time.Now().Add(time.Minute); ; {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgx.Connect(ctx, p.dsn)
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the server ended: %s", said)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.end(syscall.SIGINT)
			return fmt.Errorf("the server does not answer: %w", err)
		}
	}
}

// openAs returns a database whose connections have been set up, or are those of
// a superuser; the test closes it.
func openAs(t testing.TB, setUp func(config *pgx.ConnConfig)) *sql.DB {
	t.Helper()
	db := stdlib.OpenDB(*connConfig(t, setUp))
	t.Cleanup(func() { db.Close() })
	return db
}

func connConfig(t testing.TB, setUp func(config *pgx.ConnConfig)) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(postgresServer(t))
	if err != nil {
		t.Fatal(err)
	}
	if setUp != nil {
		setUp(config)
	}
	return config
}

// must carries out statements.
func must(t testing.TB, db interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, statements ...string,
) {
	t.Helper()
	for _, text := range statements {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", strings.TrimSpace(text), err)
		}
	}
}
