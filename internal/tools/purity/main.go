// Command purity reports where a package that must be pure is not: imports of
// what reads a clock, draws chance, locks or does I/O, uses of the system clock,
// and floating-point types. It reads the non-test files of one directory.
//
// Files that match -shell are the package's imperative shell: they may have a
// context, locks, salts and a clock that is handed to them, and nothing else of
// what the core may not have.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// barred are the imports the core may not have. A path stands for everything below it too.
var barred = []string{
	"context", "sync", "crypto/rand", "github.com/benbjohnson/clock",
	"database/sql", "math/rand", "net", "os", "syscall", "log",
}

// shellMay are those of barred that files of the shell may import.
var shellMay = []string{"context", "sync", "crypto/rand", "github.com/benbjohnson/clock"}

// readsClock are the functions of package time that read the system clock: nobody
// may use them. waits are those that wait for it, as a shell may between attempts.
var (
	readsClock = []string{"Now", "Since", "Until"}
	waits      = []string{"After", "AfterFunc", "Sleep", "Tick", "NewTicker", "NewTimer"}
)

func main() {
	shell := flag.String("shell", "", "`pattern` of the file names that make up the shell")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: purity [-shell pattern] directory")
		os.Exit(2)
	}
	findings, err := check(flag.Arg(0), *shell)
	if err != nil {
		fmt.Fprintln(os.Stderr, "purity:", err)
		os.Exit(2)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	if len(findings) > 0 {
		os.Exit(1)
	}
}

// check returns one line for each finding in dir, in the order of the files. A
// directory without Go files is an error: nothing would have been checked.
func check(dir, shell string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return strings.HasSuffix(p, "_test.go") })
	if len(paths) == 0 {
		return nil, fmt.Errorf("no Go files in %s", dir)
	}
	var findings []string
	for _, path := range paths {
		inShell, err := filepath.Match(shell, filepath.Base(path))
		if err != nil {
			return nil, err
		}
		found, err := checkFile(path, inShell)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
	}
	return findings, nil
}

func checkFile(path string, inShell bool) ([]string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var findings []string
	report := func(at token.Pos, what string) {
		p := fset.Position(at)
		findings = append(findings, fmt.Sprintf("%s:%d: %s", filepath.Base(path), p.Line, what))
	}
	clock := "" // the name package time has in this file
	for _, imp := range file.Imports {
		name, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			return nil, err
		}
		if under(name, barred) && (!inShell || !under(name, shellMay)) {
			report(imp.Pos(), "imports "+name)
		}
		if name == "time" {
			clock = "time"
			if imp.Name != nil {
				clock = imp.Name.Name
			}
			if clock == "." {
				report(imp.Pos(), "imports time into its own names, which hides uses of the clock")
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); !ok || x.Name != clock {
				break
			}
			if slices.Contains(readsClock, n.Sel.Name) || !inShell && slices.Contains(waits, n.Sel.Name) {
				report(n.Pos(), "uses time."+n.Sel.Name)
			}
		case *ast.Ident:
			if n.Name == "float64" || n.Name == "float32" {
				report(n.Pos(), "uses "+n.Name)
			}
		}
		return true
	})
	return findings, nil
}

// under reports whether name is one of paths or below one of them.
func under(name string, paths []string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		return name == p || strings.HasPrefix(name, p+"/")
	})
}
