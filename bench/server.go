package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// server is a PostgreSQL of this program's own. It listens on a socket in its
// folder, ends with this program, and leaves nothing behind.
type server struct {
	dir     string
	process *os.Process
	ended   chan error
	db      *sql.DB // of a superuser
}

// connections is how many clients a server has room for.
const connections = 300

// settings of the servers. Nothing but the measured statements writes while they
// are measured: what was changed is vacuumed and checkpointed between.
var settings = []string{
	"listen_addresses=", "max_connections=" + strconv.Itoa(connections+10), "shared_buffers=512MB",
	"max_wal_size=8GB", "checkpoint_timeout=1h", "autovacuum=off", "fsync=on", "synchronous_commit=on",
}

// newServer makes a server in a folder of its own, below dir. Each of its fsyncs
// takes a lag longer.
func newServer(ctx context.Context, dir string, lag time.Duration) (_ *server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	attr, uid, err := credential()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(dir, "pg")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(folder)
		}
	}()
	if err := os.Chown(folder, uid, -1); err != nil {
		return nil, err
	}
	environ := os.Environ()
	if lag > 0 {
		shim, err := buildShim(ctx, folder)
		if err != nil {
			return nil, err
		}
		environ = append(environ, "LD_PRELOAD="+shim, fmt.Sprintf("BENCH_FSYNC_LAG=%d", lag.Microseconds()))
	}
	data := filepath.Join(folder, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"),
		"-D", data, "-U", "super", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = folder, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", folder)
	for _, text := range settings {
		cmd.Args = append(cmd.Args, "-c", text)
	}
	cmd.Dir, cmd.SysProcAttr, cmd.Env = folder, attr, environ
	s := &server{dir: folder}
	if err := s.start(ctx, cmd); err != nil {
		return nil, err
	}
	return s, nil
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

// start runs the server and waits until it answers.
func (s *server) start(ctx context.Context, cmd *exec.Cmd) error {
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	started := make(chan error, 1)
	s.ended = make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the server ends with the thread that started it
		started <- cmd.Start()
		if cmd.Process != nil {
			s.ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.process = cmd.Process
	if s.db, err = s.connect(); err != nil {
		s.end()
		return err
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := s.db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case died := <-s.ended:
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the server ended: %w: %s", died, said)
		default:
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			s.end()
			return fmt.Errorf("the server does not answer: %w", err)
		}
	}
}

// connect opens a pool of connections, as many as are asked for at once.
func (s *server) connect() (*sql.DB, error) {
	db, err := sql.Open("pgx", "host="+s.dir+" user=super dbname=postgres sslmode=disable")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// settle makes a server be at rest: what it has is vacuumed, analysed and on disk.
func (s *server) settle(ctx context.Context) error {
	return execAll(ctx, s.db, "VACUUM (ANALYZE)", "CHECKPOINT")
}

// probe commits next to nothing.
func (s *server) probe(ctx context.Context) error {
	return execAll(ctx, s.db, "CREATE TABLE IF NOT EXISTS probe (n int)", "INSERT INTO probe VALUES (1)")
}

// version returns the server's, such as "15.4".
func (s *server) version(ctx context.Context) (string, error) {
	var text string
	err := s.db.QueryRowContext(ctx, "SHOW server_version").Scan(&text)
	short, _, _ := strings.Cut(text, " ")
	return short, err
}

// end stops the server and removes its folder.
func (s *server) end() {
	if s.db != nil {
		_ = s.db.Close()
	}
	_ = s.process.Signal(syscall.SIGINT)
	<-s.ended
	os.RemoveAll(s.dir)
}

var _ = stdlib.GetDefaultDriver // registers the driver "pgx"
