// Package archive moves wallets between stores, keeps old entries elsewhere, and
// brings in balances of other systems.
//
//	report, err := archive.Export(ctx, sqliteStore, file)
//	report, err = archive.Import(ctx, postgresStore, file)
//
// # The format
//
// An export is text: JSON objects, one a line, each with one field that says
// what the line is. Wallets follow one another, each a run of lines:
//
//	{"wallet":{"format":1,"id":"acme"}}
//	{"entry":{"seq":1,"at":1767225600000000,"kind":1,"body":"..."}}
//	{"receipt":{"key":"signup","body":"..."}}
//	{"end":{"seq":1,"hash":"...","entries":1,"receipts":1,"fed":0}}
//	{"sha256":"..."}
//	{"wallets":1}
//
// A wallet begins with its first entry, or with the checkpoint that its first
// line holds. Entries are as they are stored: times in microseconds, bodies,
// notes and checkpoints in base64, byte for byte. A receipt stands behind the last
// entry of the commit that kept it. The end says where the chain of hashes stands
// and how far the feed got. The line after it has the SHA-256 of all lines
// of the wallet before it, with the newlines. The last line says how many
// wallets there were, so that a file that was cut is found. Exports may be
// written one after another into one file.
//
// What an export of an older version holds, every later version reads.
//
// # What is verified
//
// [Import], [Runs], [Entries], [Joined] and [Prune] verify what they read. The
// checksum finds an accident; the chain of hashes finds any change of an entry,
// whoever made it. Receipts are outside the chain: who can write a file and its
// checksum can put others in.
//
// A file is as secret as the ledger: it has all actors and notes that were not
// erased when it was written. [credits.Erase] does not reach into files.
//
// # Old entries
//
// [Write] writes a wallet's entries before an instant as an archive, which is an
// export that ends there, and changes nothing. Once the archive is where it will
// stay, [Prune] reads it there, seals a checkpoint in the wallet's chain, and
// removes from the store what the archive holds. The wallet then begins with the
// checkpoint and lives on. What needs a pruned entry is [credits.ErrPruned];
// [Entries] shows it.
//
// An archive is there to be read, and [Joined] proves that nothing is missing. [Import]
// is for whole wallets: it refuses an archive that begins with a checkpoint, which is
// sealed, and one with notes that are erased, which is recorded, only after its end.
// To move or keep a wallet that was pruned, [Export] it: that begins with the checkpoint.
//
// # Balances of another system
//
// [Open] makes lots of them, one for each line of a file or each Go value.
package archive
