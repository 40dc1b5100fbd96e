package postgres

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"example.com/credits/store"
)

// A list is an array of PostgreSQL in its text form, in the making. Arrays are
// passed as texts, and cast: every driver can pass a text, and the planner, which
// cannot look into it, makes one plan for arrays of all lengths.
type list []byte

func (l list) next() list {
	if len(l) == 0 {
		return append(l, '{')
	}
	return append(l, ',')
}

func (l *list) addInt(n int64) { *l = strconv.AppendInt(l.next(), n, 10) }

func (l *list) addText(s string) {
	b := append(l.next(), '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	*l = append(b, '"')
}

// String returns the finished array.
func (l list) String() string {
	if len(l) == 0 {
		return "{}"
	}
	return string(append(l, '}'))
}

// A cut is where in the one parameter of all bodies some bytes are: from which
// position, counted from 1, and how many.
type cuts struct{ from, size list }

func (c *cuts) add(bodies, body []byte) []byte {
	c.from.addInt(int64(len(bodies)) + 1)
	c.size.addInt(int64(len(body)))
	return append(bodies, body...)
}

// valid reports whether a text can be a parameter, and not only a name.
func valid(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// named reports whether s can be the name of something that is kept.
func named(s string) bool { return s != "" && len(s) <= store.NameLimit && valid(s) }
