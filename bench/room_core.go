package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// coreBenchmarks are those of the library that see what no other package can.
const coreBenchmarks = "^(BenchmarkSpend|BenchmarkChain)$"

// inCore measures the pure core, by benchmarks of the library's own.
func (b *bench) inCore(ctx context.Context) error {
	args := []string{
		"test", "-run=^$", "-bench=" + coreBenchmarks, "-benchmem", "-benchtime=" + b.brief.String(),
		"-count=" + strconv.Itoa(b.rounds), ".",
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, out)
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if name, s, ok := parseBenchmark(lines.Text()); ok {
			b.results.add("core/"+name, s)
			b.say("     %-44s %s", "core/"+name, s)
		}
	}
	b.lacks("core", "the library has no such benchmark")
	return nil
}

// parseBenchmark reads a line such as
//
//	BenchmarkChain/hash-2   1717425   139.7 ns/op   0 B/op   0 allocs/op
func parseBenchmark(line string) (name string, s sample, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return "", sample{}, false
	}
	name = strings.TrimPrefix(fields[0], "Benchmark")
	if i := strings.LastIndexByte(name, '-'); i > 0 { // the number of cores
		name = name[:i]
	}
	for i := 2; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return "", sample{}, false
		}
		switch fields[i+1] {
		case "ns/op":
			s.rate = 1e9 / v
		case "allocs/op":
			s.allocs = v
		}
	}
	return name, s, s.rate > 0
}
