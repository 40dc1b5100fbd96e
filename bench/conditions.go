package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// conditions are those of a run, as far as its figures depend on them.
type conditions struct {
	cores    int
	system   string
	golang   string
	postgres string // its version; empty if there is none
	sqlite   []string
	fsync    time.Duration // of 128 bytes, appended
	took     time.Duration
	rounds   int
}

// noDisk is how long an fsync takes at most that reaches no disk.
const noDisk = 5 * time.Microsecond

func (b *bench) conditions(ctx context.Context) (c conditions, err error) {
	c = conditions{cores: runtime.NumCPU(), system: runtime.GOOS + "/" + runtime.GOARCH, golang: runtime.Version(), rounds: b.rounds}
	if c.fsync, err = fsyncTime(b.dir); err != nil {
		return c, err
	}
	if c.fsync < noDisk {
		b.warn("AN FSYNC TAKES %v: the folder is on no disk. Name another one with -dir.", c.fsync)
	}
	if s := b.servers[fast]; s != nil {
		if c.postgres, err = s.version(ctx); err != nil {
			return c, err
		}
	}
	for _, d := range drivers {
		e := &sqliteEngine{driver: d, dir: b.dir}
		db, err := e.open("version")
		if err != nil {
			return c, err
		}
		var version string
		if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
			return c, err
		}
		c.sqlite = append(c.sqlite, fmt.Sprintf("%s by %s", version, d.module))
		if err := e.close(); err != nil {
			return c, err
		}
	}
	return c, nil
}
