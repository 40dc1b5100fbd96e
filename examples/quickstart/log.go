package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// header is the first row of a log, by which its columns are known.
const header = "time,user,action,quantity"

// maxName is how long a user's name may be: what an actor's ID may.
const maxName = 255

// row is one row of a log.
type row struct {
	line     int // of the file, from 1
	at       time.Time
	user     string
	action   string
	quantity int64
}

// fault is what is wrong with a row of a file.
type fault struct {
	file string
	line int
	text string
}

func (f *fault) Error() string { return fmt.Sprintf("%s:%d: %s", f.file, f.line, f.text) }

// usageLog reads a log, a row at a time.
type usageLog struct {
	name string
	csv  *csv.Reader
	last row
}

// newLog returns a reader of a log after it has checked the header. A byte order
// mark before it, which spreadsheets write, is skipped.
func newLog(name string, r io.Reader) (*usageLog, error) {
	buffered := bufio.NewReader(r)
	if mark, _ := buffered.Peek(3); string(mark) == "\ufeff" {
		_, _ = buffered.Discard(len(mark))
	}
	l := &usageLog{name: name, csv: csv.NewReader(buffered)}
	l.csv.FieldsPerRecord = -1 // counted here, where the fault can be named
	l.csv.ReuseRecord = true
	fields, line, err := l.read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, l.fault(1, "the file is empty: the header %s is missing", header)
	case err != nil:
		return nil, err
	case strings.Join(fields, ",") != header:
		return nil, l.fault(line, "the header is %q, not %q", strings.Join(fields, ","), header)
	}
	return l, nil
}

// next returns the next row; [io.EOF] after the last. What is wrong with a row
// is a fault that names it.
func (l *usageLog) next() (row, error) {
	fields, line, err := l.read()
	if err != nil {
		return row{}, err
	}
	if len(fields) != 4 {
		return row{}, l.fault(line, "%s where 4 are wanted: %s", count(len(fields), "column"), header)
	}
	r := row{line: line, user: strings.Clone(fields[1]), action: strings.Clone(fields[2])}
	if r.at, err = time.Parse(time.RFC3339, fields[0]); err != nil {
		return row{}, l.fault(line, "time %s: is not like 2026-02-22T09:30:00-05:00", quoted(fields[0]))
	}
	if r.at.Unix() < 0 {
		return row{}, l.fault(line, "time %s: is before 1970", fields[0])
	}
	if r.at.Before(l.last.at) {
		return row{}, l.fault(line, "time %s: is before the time of line %d: rows have to be in order", fields[0], l.last.line)
	}
	if err := checkName(r.user); err != nil {
		return row{}, l.fault(line, "user %s: %v", quoted(r.user), err)
	}
	if r.quantity, err = parseQuantity(fields[3]); err != nil {
		return row{}, l.fault(line, "quantity %s: %v", quoted(fields[3]), err)
	}
	l.last = r
	return r, nil
}

// read returns the columns of the next row and the line that it begins on.
func (l *usageLog) read() ([]string, int, error) {
	fields, err := l.csv.Read()
	var syntax *csv.ParseError
	switch {
	case errors.As(err, &syntax):
		return nil, 0, l.fault(syntax.StartLine, "quoting: %v", syntax.Err)
	case err != nil: // io.EOF, or what the file says
		return nil, 0, err
	}
	line, _ := l.csv.FieldPos(0)
	for i, field := range fields {
		if !utf8.ValidString(field) {
			return nil, 0, l.fault(line, "column %d: %q is not UTF-8", i+1, shortened(field))
		}
	}
	return fields, line, nil
}

func (l *usageLog) fault(line int, format string, args ...any) error {
	return &fault{l.name, line, fmt.Sprintf(format, args...)}
}

func checkName(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("is empty")
	case len(s) > maxName:
		return fmt.Errorf("has %d bytes, more than %d", len(s), maxName)
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("has a control character")
	}
	return nil
}

func parseQuantity(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errors.New("is out of range")
	case err != nil:
		return 0, errors.New("is not a whole number")
	case n < 1:
		return 0, errors.New("is not at least 1")
	}
	return n, nil
}

// quoted returns s as messages show it: in quotes, and not all of it if it is long.
func quoted(s string) string { return strconv.Quote(shortened(s)) }

func shortened(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
