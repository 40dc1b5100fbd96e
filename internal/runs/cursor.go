package runs

import "encoding/binary"

// Cursor reads what digests are made of: numbers as package encoding/binary
// appends them, and texts after their length. After something that is not there
// Bad is set, and all that follows is 0 or empty.
type Cursor struct {
	Left []byte
	Bad  bool
}

// Byte reads one byte.
func (c *Cursor) Byte() byte {
	if len(c.Left) == 0 {
		c.fail()
		return 0
	}
	b := c.Left[0]
	c.Left = c.Left[1:]
	return b
}

// Uint reads a number without a sign.
func (c *Cursor) Uint() uint64 {
	if len(c.Left) > 0 && c.Left[0] < 0x80 {
		return uint64(c.Byte())
	}
	n, size := binary.Uvarint(c.Left)
	if size <= 0 {
		c.fail()
		return 0
	}
	c.Left = c.Left[size:]
	return n
}

// Int reads a number with a sign.
func (c *Cursor) Int() int64 {
	n := c.Uint()
	return int64(n>>1) ^ -int64(n&1)
}

// Count reads how many things follow, each of at least one byte.
func (c *Cursor) Count() int {
	n := c.Uint()
	if n > uint64(len(c.Left)) {
		c.fail()
		return 0
	}
	return int(n)
}

// Text reads a text. It stays part of what is read.
func (c *Cursor) Text() []byte {
	n := c.Count()
	text := c.Left[:n:n]
	c.Left = c.Left[n:]
	return text
}

// Done reports whether all was there and nothing is left.
func (c *Cursor) Done() bool { return !c.Bad && len(c.Left) == 0 }

func (c *Cursor) fail() { c.Left, c.Bad = nil, true }

// AppendText appends a text as a Cursor reads it.
func AppendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}
