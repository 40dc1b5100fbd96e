package postgres

import (
	"fmt"
	"strings"
)

// texts are the statements of a store, with the names of its tables.
//
// They are written so that the planner, who cannot see into their arrays, has
// one way to go: LATERAL with OFFSET 0 makes each row of an array one look-up
// in an index, where a plain join may read a whole table, and key = ANY (...)
// all the receipts of a wallet.
//
// Parameters on which an estimate depends stand in (SELECT $1). Where the planner
// sees them, it thinks a plan for what it sees cheaper than one for any, and plans
// anew each time, which takes longer than to carry the plan out.
type texts struct {
	prefix   string
	version  string
	loadOne  string
	loadMany string
	level    string // the same as a further row of a load: the level of isolation
	batch    [shapes]string
	single   [shapes]string
	plain    [withParts]string
	ack      string
	optional
}

// What a load's rows are.
const (
	rowWallet = iota
	rowPart
	rowReceipt
	rowLevel
)

// shape says what is in the changes of a commit beside wallets and entries.
type shape uint8

const (
	withReceipts shape = 1 << iota
	withNotes
	patient // wallets that others are changing are waited for
	withParts
	created // of a single: the wallet must not exist
	shapes
)

func newTexts(prefix string) *texts {
	t := &texts{prefix: prefix}
	t.version = t.named(`SELECT coalesce(max(version), 0) FROM {migrations}`)
	t.level = "\nUNION ALL\nSELECT 0::int8, 3, 0::int8, 0::int8, current_setting('transaction_isolation'), NULL::bytea"
	t.loadOne = t.named(`SELECT 0::int8, 0, w.seq, w.mark, ''::text, CASE WHEN w.seq <> $2::int8 THEN w.head END
FROM {wallets} w WHERE w.id = $1
UNION ALL
SELECT 0::int8, 1, p.id, 0::int8, ''::text, p.body
FROM {wallets} w, LATERAL (SELECT p.id, p.body FROM {parts} p WHERE p.wallet = w.id AND p.id <= (SELECT $3::int8) OFFSET 0) p
WHERE w.id = $1 AND w.seq <> $2::int8
UNION ALL
SELECT 0::int8, 2, 0::int8, 0::int8, k.key, r.body
FROM unnest((SELECT $4::text)::text[]) AS k(key),
	LATERAL (SELECT r.body FROM {receipts} r WHERE r.wallet = (SELECT $1) AND r.key = k.key OFFSET 0) r`)
	loadMany, _ := numbering(`WITH q AS (
	SELECT q.i, q.id, q.have, q.top
	FROM unnest(`+lists("int8", "text", "int8", "int8")+`) AS q(i, id, have, top)
)
SELECT q.i, 0, w.seq, w.mark, ''::text, CASE WHEN w.seq <> q.have THEN w.head END
FROM q, LATERAL (SELECT w.seq, w.mark, w.head FROM {wallets} w WHERE w.id = q.id OFFSET 0) w
UNION ALL
SELECT q.i, 1, p.id, 0::int8, ''::text, p.body
FROM q, LATERAL (SELECT w.seq FROM {wallets} w WHERE w.id = q.id OFFSET 0) w,
	LATERAL (SELECT p.id, p.body FROM {parts} p WHERE p.wallet = q.id AND p.id <= q.top OFFSET 0) p
WHERE w.seq <> q.have
UNION ALL
SELECT k.i, 2, 0::int8, 0::int8, k.key, r.body
FROM unnest(`+lists("int8", "text", "text")+`) AS k(i, wallet, key),
	LATERAL (SELECT r.body FROM {receipts} r WHERE r.wallet = k.wallet AND r.key = k.key OFFSET 0) r`, 1)
	t.loadMany = t.named(loadMany)
	for s := range shapes {
		t.batch[s] = t.named(batchText(s))
		t.single[s] = t.named(singleText(s))
	}
	for s := range withParts {
		t.plain[s] = t.named(plainText(s))
	}
	t.ack = t.named(`UPDATE {wallets} SET fed = least($2::int8, seq), pending = seq > $2::int8
WHERE id = $1 AND fed < least($2::int8, seq)`)
	t.optional = optionalTexts(t.named)
	return t
}

// named puts the names of tables into a statement.
func (t *texts) named(text string) string {
	return strings.NewReplacer("{", t.prefix+"credits_", "}", "").Replace(text)
}

// numbering replaces each ? by the next parameter.
func numbering(text string, first int) (string, int) {
	var b strings.Builder
	for piece := range strings.SplitSeq(text, "?") {
		if b.Len() > 0 {
			fmt.Fprintf(&b, "$%d", first)
			first++
		}
		b.WriteString(piece)
	}
	return b.String(), first
}

// lists returns the next parameters, which are arrays.
func lists(types ...string) string {
	all := make([]string, len(types))
	for i, name := range types {
		all[i] = "(SELECT ?::text)::" + name + "[]"
	}
	return strings.Join(all, ", ")
}

// batchText returns the statement that commits changes of any number, each
// whole or not at all. It returns the wallets that were changed.
//
// A change is taken up if the wallet has the Seq and the mark it should have and none
// of its keys is there, and carried out if the wallet still has that Seq once it is
// locked: as no Seq ever comes back, no other mark and no key can have come in between. The Seq
// to compare with travels as fed, which for a new wallet is 0 as well, and the
// earliest time of what is new as back. Wallets are locked in order of name, so
// that none waits in a circle.
//
// Unless it is patient, a wallet that another transaction has locked is passed
// over. One that another transaction is making is waited for: it cannot be seen.
func batchText(s shape) string {
	text := `WITH c AS (
	SELECT c.id, c.prev, c.was, c.seq, c.mark, c.due, c.early, c.late, c.start, c.size
	FROM unnest(` + lists("text", "int8", "int8", "int8", "int8", "int8", "int8", "int8", "int4", "int4") + `)
		AS c(id, prev, was, seq, mark, due, early, late, start, size)
), `
	free, unused := "", ""
	if s&patient == 0 {
		free = `
	LEFT JOIN LATERAL (SELECT f.seq FROM {wallets} f WHERE f.id = c.id AND w.seq = c.prev FOR NO KEY UPDATE SKIP LOCKED) f ON true`
		unused = " AND coalesce(f.seq, 0) = c.prev"
	}
	if s&withReceipts != 0 {
		text += `k AS (
	SELECT k.wallet, k.key, k.seq, k.start, k.size
	FROM unnest(` + lists("text", "text", "int8", "int4", "int4") + `) AS k(wallet, key, seq, start, size)
), used AS (
	SELECT k.wallet FROM k, LATERAL (SELECT 1 FROM {receipts} r WHERE r.wallet = k.wallet AND r.key = k.key OFFSET 0) r
), `
		unused += " AND c.id NOT IN (SELECT wallet FROM used)"
	}
	text += `moved AS (
	INSERT INTO {wallets} AS w (id, seq, mark, fed, due, pending, late, back, head)
	SELECT c.id, c.seq, c.mark, c.prev, c.due, true, c.late, CASE WHEN w.seq IS NOT NULL THEN c.early WHEN c.early < 0 THEN c.seq ELSE 0 END,
		CASE WHEN c.size >= 0 THEN substring($1::bytea FROM c.start FOR c.size) END
	FROM c LEFT JOIN LATERAL (SELECT w.seq, w.mark FROM {wallets} w WHERE w.id = c.id OFFSET 0) w ON true` + free + `
	WHERE coalesce(w.seq, 0) = c.prev AND coalesce(w.mark, 0) = c.was` + unused + `
	ORDER BY c.id COLLATE "C"
	ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, mark = excluded.mark, due = excluded.due, pending = true, late = greatest(w.late, excluded.late),
		back = CASE WHEN excluded.back < w.late THEN excluded.seq ELSE w.back END, head = coalesce(excluded.head, w.head)
	WHERE w.seq = excluded.fed
	RETURNING w.id
), `
	if s&withReceipts != 0 {
		text += `r AS (
	INSERT INTO {receipts} (wallet, key, seq, body)
	SELECT k.wallet, k.key, k.seq, substring($1::bytea FROM k.start FOR k.size)
	FROM k WHERE k.wallet IN (SELECT id FROM moved)
), `
	}
	if s&withParts != 0 {
		text += `p AS (
	INSERT INTO {parts} (wallet, id, body)
	SELECT p.wallet, p.id, substring($1::bytea FROM p.start FOR p.size)
	FROM unnest(` + lists("text", "int8", "int4", "int4") + `) AS p(wallet, id, start, size)
	WHERE p.wallet IN (SELECT id FROM moved)
	ON CONFLICT (wallet, id) DO UPDATE SET body = excluded.body
), `
	}
	if s&withNotes != 0 {
		text += `n AS (
	INSERT INTO {notes} (wallet, seq, note)
	SELECT n.wallet, n.seq, substring($1::bytea FROM n.start FOR n.size)
	FROM unnest(` + lists("text", "int8", "int4", "int4") + `) AS n(wallet, seq, start, size)
	WHERE n.wallet IN (SELECT id FROM moved)
	ON CONFLICT (wallet, seq) DO UPDATE SET note = excluded.note
), `
	}
	text += `e AS (
	INSERT INTO {entries} (wallet, seq, at, kind, of_, feature, body)
	SELECT e.wallet, e.seq, e.at, e.kind, e.of_, e.feature, substring($1::bytea FROM e.start FOR e.size)
	FROM unnest(` + lists("text", "int8", "int8", "int2", "int8", "text", "int4", "int4") + `)
		AS e(wallet, seq, at, kind, of_, feature, start, size)
	WHERE e.wallet IN (SELECT id FROM moved)
)
SELECT id FROM moved`
	text, _ = numbering(text, 2) // the first is the bodies
	return text
}

// movedText begins the statement that commits one change of a wallet that exists: it
// changes the wallet's row if that has the Seq and the mark it should have and no key is used. Unless
// it is patient, a row that another transaction has locked is passed over.
func movedText(s shape, used string) string {
	where := "w.id = $1 AND w.seq = $2::int8 AND w.mark = $8::int8"
	if used != "" {
		where += "\n\tAND NOT EXISTS (" + used + ")"
	}
	if s&patient == 0 {
		where = "w.id = (SELECT w.id FROM {wallets} w WHERE " + where + "\n\tFOR NO KEY UPDATE SKIP LOCKED)"
	}
	return `WITH moved AS (
	UPDATE {wallets} AS w SET seq = $3::int8, mark = $9::int8, due = $4::int8, pending = true, late = greatest(w.late, $7::int8),
		back = CASE WHEN $6::int8 < w.late THEN $3::int8 ELSE w.back END, head = coalesce($5::bytea, w.head)
	WHERE ` + where + `
	RETURNING w.id
)`
}

// plainText returns the statement that commits the change of most commands: of
// one entry and at most one receipt, with no part but the head. It is singleText
// without its arrays.
func plainText(s shape) string {
	text, used := "", ""
	if s&withReceipts != 0 {
		used = "SELECT 1 FROM {receipts} r WHERE r.wallet = $1 AND r.key = $14"
		text += `, r AS (
	INSERT INTO {receipts} (wallet, key, seq, body)
	SELECT moved.id, ?::text, $3::int8, ?::bytea FROM moved
)`
	}
	if s&withNotes != 0 {
		text += `, n AS (
	INSERT INTO {notes} (wallet, seq, note)
	SELECT moved.id, $3::int8, ?::bytea FROM moved
)`
	}
	text, _ = numbering(text, 14)
	return movedText(s, used) + text + `
INSERT INTO {entries} (wallet, seq, at, kind, of_, feature, body)
SELECT moved.id, $3::int8, $7::int8, $10::int2, $11::int8, $12::text, $13::bytea FROM moved`
}

// singleText returns the statement that commits one change, whole or not at
// all: what batchText does, without its joins. It adds as many rows as the
// change has entries, or none.
func singleText(s shape) string {
	text := `WITH moved AS (
	INSERT INTO {wallets} (id, seq, mark, fed, due, pending, late, back, head)
	SELECT $1, $3::int8, $9::int8, $2::int8, $4::int8, true, $7::int8, CASE WHEN $6::int8 < 0 THEN $3::int8 ELSE 0 END, $5::bytea
	WHERE $8::int8 = 0
	ON CONFLICT (id) DO NOTHING
	RETURNING id
)`
	if s&created == 0 {
		used := ""
		if s&withReceipts != 0 {
			used = `SELECT 1 FROM unnest((SELECT $11::text)::text[]) AS k(key),
		LATERAL (SELECT 1 FROM {receipts} r WHERE r.wallet = $1 AND r.key = k.key OFFSET 0) r`
		}
		text = movedText(s, used)
	}
	rest := ""
	if s&withReceipts != 0 {
		rest += `, r AS (
	INSERT INTO {receipts} (wallet, key, seq, body)
	SELECT moved.id, k.key, $3::int8, substring($10::bytea FROM k.start FOR k.size)
	FROM moved, unnest(` + lists("text", "int4", "int4") + `) AS k(key, start, size)
)`
	}
	if s&withParts != 0 {
		rest += `, p AS (
	INSERT INTO {parts} (wallet, id, body)
	SELECT moved.id, p.id, substring($10::bytea FROM p.start FOR p.size)
	FROM moved, unnest(` + lists("int8", "int4", "int4") + `) AS p(id, start, size)
	ON CONFLICT (wallet, id) DO UPDATE SET body = excluded.body
)`
	}
	if s&withNotes != 0 {
		rest += `, n AS (
	INSERT INTO {notes} (wallet, seq, note)
	SELECT moved.id, n.seq, substring($10::bytea FROM n.start FOR n.size)
	FROM moved, unnest(` + lists("int8", "int4", "int4") + `) AS n(seq, start, size)
	ON CONFLICT (wallet, seq) DO UPDATE SET note = excluded.note
)`
	}
	rest += `
INSERT INTO {entries} (wallet, seq, at, kind, of_, feature, body)
SELECT moved.id, e.seq, e.at, e.kind, e.of_, e.feature, substring($10::bytea FROM e.start FOR e.size)
FROM moved, unnest(` + lists("int8", "int8", "int2", "int8", "text", "int4", "int4") + `)
	AS e(seq, at, kind, of_, feature, start, size)`
	rest, _ = numbering(rest, 11) // before it are those of the wallet, and the bodies
	return text + rest
}
