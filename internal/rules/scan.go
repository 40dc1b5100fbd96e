package main

import (
	"cmp"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A proof is a test or a story that carries a rule's ID.
type proof struct {
	file, name string
	leads      bool // the ID stands first somewhere, as in the name of a subtest
	times, of  int  // how often it stands there, of how many IDs
}

// order puts first the proof that is more about the rule.
func (p proof) order(o proof) int {
	if p.leads != o.leads {
		if p.leads {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(o.times*p.of, p.times*o.of),
		cmp.Compare(p.file, o.file), cmp.Compare(p.name, o.name))
}

// A mention is a place where a test names a rule, proven by it or not.
type mention struct {
	file string
	line int
	id   string
}

// evidence is what the tests of a repository say about rules.
type evidence struct {
	proofs   map[string][]proof // by rule, in order
	mentions []mention
}

// inText finds IDs in strings, as words of their own; inName in the names of functions, as in
// TestMK08PerTier and TestPrices_MK08.
var (
	inText = regexp.MustCompile(`(?:^|[^-\w])((?:CF|FD|GN|MK|DB|[TASIPL])-\d+)\b`)
	inName = regexp.MustCompile(`(?:^Test|^Fuzz|^Example|_)(CF|FD|GN|MK|DB|[TASIPL])(\d+)(?:[A-Z_]|$)`)
)

// idsIn returns the IDs in a text.
func idsIn(text string) []string {
	var ids []string
	for _, m := range inText.FindAllStringSubmatch(text, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

// scan reads all test files and stories of a repository, whatever module they
// are of. It leaves out its own, which name rules that they do not prove.
func scan(fsys fs.FS) (*evidence, error) {
	found := &evidence{proofs: map[string][]proof{}}
	packages := map[string]*pkg{}
	err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			hidden := strings.HasPrefix(d.Name(), ".") && file != "."
			if hidden || d.Name() == "vendor" || file == "internal/rules" {
				return fs.SkipDir
			}
			return nil
		case inStories(file):
			return found.story(fsys, file)
		case strings.HasSuffix(file, "_test.go") && !strings.Contains("/"+file, "/testdata/"):
			p := packages[path.Dir(file)]
			if p == nil {
				p = &pkg{decls: map[string][]*decl{}}
				packages[path.Dir(file)] = p
			}
			return p.add(fsys, file, found)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(packages) == 0 {
		return nil, errors.New("there are no tests")
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		packages[dir].prove(found)
	}
	for _, proofs := range found.proofs {
		slices.SortFunc(proofs, proof.order)
	}
	return found, nil
}

func inStories(file string) bool {
	return strings.HasSuffix(path.Dir("/"+file), "/testdata/scenarios") && path.Ext(file) == ".txt"
}

// story reads a story: its first line is a title with the rules that it shows.
func (e *evidence) story(fsys fs.FS, file string) error {
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return err
	}
	title, _, _ := strings.Cut(string(text), "\n")
	name := "story " + strings.TrimSuffix(path.Base(file), ".txt")
	ids := idsIn(title)
	for i, id := range ids {
		e.mentions = append(e.mentions, mention{file, 1, id})
		if !slices.Contains(ids[:i], id) {
			e.proofs[id] = append(e.proofs[id], proof{file: file, name: name, times: 1, of: len(ids)})
		}
	}
	return nil
}

// A pkg is the test files of one directory.
type pkg struct {
	decls map[string][]*decl // by name; methods of several types may share one
	tests []*decl
}

// A decl is a top-level declaration of a test file: what it is called, what it
// refers to, and which rules it names where a test says what it is about.
type decl struct {
	file, name string
	uses       map[string]bool
	ids        []named
}

// named is a rule that a declaration names.
type named struct {
	id    string
	leads bool
}

// add reads a test file.
func (p *pkg) add(fsys fs.FS, file string, found *evidence) error {
	src, err := fs.ReadFile(fsys, file)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, src, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	note := func(pos token.Pos, id string) {
		found.mentions = append(found.mentions, mention{file, set.Position(pos).Line, id})
	}
	for _, d := range parsed.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			p.declare(file, d, note, d.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					p.declare(file, s, note, s.Names...)
				case *ast.TypeSpec:
					p.declare(file, s, note, s.Name)
				}
			}
		}
	}
	return nil
}

// declare reads one declaration.
func (p *pkg) declare(file string, node ast.Node, note func(token.Pos, string), names ...*ast.Ident) {
	d := &decl{file: file, name: names[0].Name, uses: map[string]bool{}}
	for _, n := range names {
		p.decls[n.Name] = append(p.decls[n.Name], d)
	}
	if f, ok := node.(*ast.FuncDecl); ok && isTest(f) {
		p.tests = append(p.tests, d)
		for _, m := range inName.FindAllStringSubmatch(d.name, -1) {
			id := m[1] + "-" + m[2]
			note(f.Pos(), id)
			d.ids = append(d.ids, named{id, true})
		}
	}
	said := map[*ast.BasicLit]bool{} // in messages
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if reports(n) {
				for _, arg := range n.Args {
					texts(arg, said)
				}
			}
		case *ast.Ident:
			d.uses[n.Name] = true
		case *ast.BasicLit:
			if n.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(n.Value)
			if err != nil {
				return true
			}
			for _, id := range idsIn(text) {
				note(n.Pos(), id)
				if !said[n] {
					d.ids = append(d.ids, named{id, strings.HasPrefix(text, id)})
				}
			}
		}
		return true
	})
}

// isTest reports whether go test runs a function to see whether it fails.
func isTest(f *ast.FuncDecl) bool {
	if f.Recv != nil {
		return false
	}
	for _, prefix := range []string{"Test", "Fuzz", "Example"} {
		if rest, ok := strings.CutPrefix(f.Name.Name, prefix); ok && f.Name.Name != "TestMain" {
			return rest == "" || rest[0] < 'a' || rest[0] > 'z'
		}
	}
	return false
}

// reports reports whether a call only words a message, as Errorf does: what it
// says proves nothing.
func reports(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && slices.Contains([]string{
		"Error", "Errorf", "Fatal", "Fatalf", "Log", "Logf", "Skip", "Skipf", "Print", "Printf", "Println", "New",
	}, s.Sel.Name)
}

// texts adds the texts that an argument is, or is joined from.
func texts(arg ast.Expr, to map[*ast.BasicLit]bool) {
	switch arg := arg.(type) {
	case *ast.BasicLit:
		to[arg] = true
	case *ast.ParenExpr:
		texts(arg.X, to)
	case *ast.BinaryExpr:
		texts(arg.X, to)
		texts(arg.Y, to)
	}
}

// prove notes for each test the rules that it names, itself or in what it refers
// to: a table outside of it, a helper.
func (p *pkg) prove(found *evidence) {
	for _, test := range p.tests {
		proofs := map[string]proof{}
		of := 0
		seen := map[*decl]bool{test: true}
		for todo := []*decl{test}; len(todo) > 0; todo = todo[1:] {
			for _, n := range todo[0].ids {
				was := proofs[n.id]
				proofs[n.id] = proof{file: test.file, name: test.name, leads: was.leads || n.leads, times: was.times + 1}
				of++
			}
			for name := range todo[0].uses {
				for _, next := range p.decls[name] {
					if !seen[next] {
						seen[next] = true
						todo = append(todo, next)
					}
				}
			}
		}
		for id, proof := range proofs {
			proof.of = of
			found.proofs[id] = append(found.proofs[id], proof)
		}
	}
}
