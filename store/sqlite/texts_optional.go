package sqlite

// addOptional adds the statements of checkpoints and digests.
func (t *texts) addOptional() {
	t.of[loadCheckpoint] = `SELECT c.seq, c.at, c.body FROM credits_wallets w JOIN credits_checkpoints c ON c.wallet = w.no WHERE w.id = ?1`
	t.of[findCheckpoint] = `SELECT seq, at FROM credits_checkpoints WHERE wallet = ?1`
	t.of[pruneWallet] = `SELECT w.no, w.seq, w.fed, coalesce(c.seq, 0), coalesce(c.at, 0), iif(c.seq = ?2, c.body, NULL)
			FROM credits_wallets w LEFT JOIN credits_checkpoints c ON c.wallet = w.no WHERE w.id = ?1`
	t.of[putCheckpoint] = `INSERT INTO credits_checkpoints (wallet, seq, at, body) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (wallet) DO UPDATE SET seq = excluded.seq, at = excluded.at, body = excluded.body`

	t.of[firstEntry] = `SELECT seq FROM credits_entries WHERE wallet = ?1 ORDER BY seq LIMIT 1`
	t.of[pruneEntries] = `DELETE FROM credits_entries WHERE wallet = ?1 AND seq <= ?2`
	t.of[pruneNotes] = `DELETE FROM credits_notes WHERE wallet = ?1 AND seq <= ?2`

	// Receipts are not found by their seq: all of the wallet's are looked at, in order of key.
	t.of[nextReceipts] = `SELECT max(key) FROM (SELECT key FROM credits_receipts WHERE wallet = ?1 AND key > ?2 ORDER BY key LIMIT ?3)`
	t.of[pruneReceipts] = `DELETE FROM credits_receipts WHERE wallet = ?1 AND key > ?2 AND key <= ?3 AND seq <= ?4`

	// Those that end at the checkpoint or before, and those that begin before its end.
	t.of[pruneDigests] = `DELETE FROM credits_digests WHERE wallet = ?1 AND NOT EXISTS (
				SELECT 1 FROM credits_digests b WHERE b.wallet = ?1 AND b.name = credits_digests.name
					AND b.through >= ?2 AND b.through < credits_digests.through)`

	t.of[restoreWallet] = `INSERT INTO credits_wallets (id, seq, mark, fed, pending, due, late, head) VALUES (?1, ?2, 0, ?2, 0, ?3, ?4, ?5)
			ON CONFLICT (id) DO NOTHING RETURNING no`

	t.of[loadDigests] = `SELECT d.through, d.body FROM credits_wallets w JOIN credits_digests d ON d.wallet = w.no
			WHERE w.id = ?1 AND d.name = ?2 AND d.through > ?3 AND d.through <= ?4 ORDER BY d.through LIMIT ?5`
	t.of[digestWallet] = `SELECT w.no, w.erased, coalesce(c.seq, 0) FROM credits_wallets w
			LEFT JOIN credits_checkpoints c ON c.wallet = w.no WHERE w.id = ?1`
	t.of[putDigest] = `INSERT INTO credits_digests (wallet, name, through, body) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (wallet, name, through) DO UPDATE SET body = excluded.body`
	t.of[markErased] = `UPDATE credits_wallets SET erased = ?2 WHERE no = ?1`
	t.of[blankDigests] = `UPDATE credits_digests SET body = zeroblob(length(body)) WHERE wallet = ?1`
	t.of[dropDigests] = `DELETE FROM credits_digests WHERE wallet = ?1`
}
