package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// regime is how long it takes until what was written is kept.
type regime struct {
	name string
	lag  time.Duration // by which each fsync is longer than it is here
}

// The regimes. A local disk hides what other disks and networks cost, so designs
// are judged at 1 ms.
var (
	fast = regime{name: "fast"}
	slow = regime{name: "1 ms", lag: time.Millisecond}
)

//go:embed shim/fdatasync.c
var shimSource []byte

// buildShim compiles what makes fsyncs longer, into dir, and returns its file.
func buildShim(ctx context.Context, dir string) (string, error) {
	if runtime.GOOS != "linux" {
		return "", fmt.Errorf("fsyncs can be made longer on Linux only, not on %s", runtime.GOOS)
	}
	for _, cc := range []string{"cc", "gcc", "clang"} {
		if _, err := exec.LookPath(cc); err != nil {
			continue
		}
		source, shim := filepath.Join(dir, "fdatasync.c"), filepath.Join(dir, "fdatasync.so")
		if err := os.WriteFile(source, shimSource, 0o644); err != nil {
			return "", err
		}
		if out, err := exec.CommandContext(ctx, cc, "-O2", "-shared", "-fPIC", "-o", shim, source, "-ldl").CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w: %s", cc, err, out)
		}
		return shim, os.Chmod(shim, 0o755)
	}
	return "", errors.New("fsyncs cannot be made longer: there is no C compiler")
}

// had returns an error unless commits take as long as the regime says.
func (r regime) had(ctx context.Context, commit func(ctx context.Context) error) error {
	var all []float64
	for range 11 {
		start := time.Now()
		if err := commit(ctx); err != nil {
			return err
		}
		all = append(all, time.Since(start).Seconds())
	}
	if took := time.Duration(spreadOf(all).median * float64(time.Second)); took < r.lag {
		return fmt.Errorf("fsyncs were not made longer: a commit takes %v", took)
	}
	return nil
}

// fsyncTime returns how long an append of 128 bytes and an fsync take in a folder.
func fsyncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "fsync")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var all []float64
	for range 200 {
		start := time.Now()
		if _, err := f.Write(make([]byte, 128)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		all = append(all, time.Since(start).Seconds())
	}
	return time.Duration(spreadOf(all).median * float64(time.Second)), nil
}
