package postgres

// optional are the statements of checkpoints and digests.
type optional struct {
	checkpoint     string
	lockWallet     string
	findCheckpoint string
	putCheckpoint  string
	sealWallet     string
	firstEntry     string
	pruneNotes     string
	pruneEntries   string
	nextReceipts   string
	pruneReceipts  string
	pruneDigests   string
	restoreWallet  string
	restoreParts   string
	digests        string
	keepDigests    string
	eraseDigests   string
}

func optionalTexts(named func(string) string) optional {
	return optional{
		checkpoint: named(`SELECT c.seq, c.at, c.body FROM {checkpoints} c WHERE c.wallet = $1`),

		// The wallet's row is locked by one statement, and what goes with it read by
		// the next: one that waits for a lock still sees other rows as they were before.
		lockWallet:     named(`SELECT w.seq, w.fed FROM {wallets} w WHERE w.id = $1 FOR UPDATE`),
		findCheckpoint: named(`SELECT c.seq, c.at, CASE WHEN c.seq = $2::int8 THEN c.body END FROM {checkpoints} c WHERE c.wallet = $1`),
		putCheckpoint: named(`INSERT INTO {checkpoints} (wallet, seq, at, body) VALUES ($1, $2::int8, $3::int8, $4::bytea)
ON CONFLICT (wallet) DO UPDATE SET seq = excluded.seq, at = excluded.at, body = excluded.body`),
		sealWallet: named(`UPDATE {wallets} SET pruned = $2::int8 WHERE id = $1`),

		firstEntry:   named(`SELECT e.seq FROM {entries} e WHERE e.wallet = $1 ORDER BY e.seq LIMIT 1`),
		pruneNotes:   named(`DELETE FROM {notes} WHERE wallet = $1 AND seq <= $2::int8`),
		pruneEntries: named(`DELETE FROM {entries} WHERE wallet = $1 AND seq <= $2::int8`),

		// Receipts are not found by their seq: all of the wallet's are looked at, in order of key.
		nextReceipts: named(`SELECT coalesce(max(k.key), '')
FROM (SELECT r.key FROM {receipts} r WHERE r.wallet = $1 AND r.key > $2 ORDER BY r.key LIMIT $3::int8) k`),
		pruneReceipts: named(`DELETE FROM {receipts} WHERE wallet = $1 AND key > $2 AND key <= $3 AND seq <= $4::int8`),

		// Those that end at the checkpoint or before, and those that begin before its end.
		pruneDigests: named(`DELETE FROM {digests} d WHERE d.wallet = $1 AND NOT EXISTS (
	SELECT 1 FROM {digests} b WHERE b.wallet = d.wallet AND b.name = d.name AND b.through >= $2::int8 AND b.through < d.through)`),

		restoreWallet: named(`INSERT INTO {wallets} (id, seq, mark, fed, due, pending, late, back, head, pruned)
VALUES ($1, $2::int8, 0, $2::int8, $3::int8, false, $4::int8, 0, $5::bytea, $2::int8)
ON CONFLICT (id) DO NOTHING`),
		restoreParts: named(`INSERT INTO {parts} (wallet, id, body)
SELECT $2::text, p.id, substring($1::bytea FROM p.start FOR p.size)
FROM unnest((SELECT $3::text)::int8[], (SELECT $4::text)::int4[], (SELECT $5::text)::int4[]) AS p(id, start, size)`),

		digests: named(`SELECT d.through, d.body FROM {digests} d
WHERE d.wallet = (SELECT $1) AND d.name = (SELECT $2) AND d.through > (SELECT $3::int8) AND d.through <= (SELECT $4::int8)
ORDER BY d.through LIMIT (SELECT $5::int8)`),

		// The wallet's row is changed, though to what it is. So a change that erases
		// waits for these digests, and then finds them; and a transaction that sees the
		// database as it was before them fails to change the wallet, rather than miss them.
		// A row that another has locked is let be: who asks for usage waits for nobody's transaction.
		keepDigests: named(`WITH w AS (
	UPDATE {wallets} SET erased = erased
	WHERE id = (SELECT f.id FROM {wallets} f WHERE f.id = $2 AND coalesce(f.erased, 0) <= $4::int8 FOR UPDATE SKIP LOCKED)
	RETURNING id, pruned
)
INSERT INTO {digests} (wallet, name, through, body)
SELECT w.id, $3::text, d.through, substring($1::bytea FROM d.start FOR d.size)
FROM w, unnest((SELECT $5::text)::int8[], (SELECT $6::text)::int4[], (SELECT $7::text)::int4[]) AS d(through, start, size)
WHERE d.through > coalesce(w.pruned, 0)
ON CONFLICT (wallet, name, through) DO UPDATE SET body = excluded.body`),

		// It follows the statement that changed the wallet, in a transaction, and so
		// sees all digests that were kept before it.
		eraseDigests: named(`WITH w AS (
	UPDATE {wallets} SET erased = seq WHERE id = $1
)
DELETE FROM {digests} WHERE wallet = $1`),
	}
}
