-- The tables of a ledger. Names and times are as package store says: names are
-- compared byte by byte, times are microseconds since 1970 UTC.

-- One row a wallet. The other tables know it by no, which is short; it means
-- nothing outside of this database.
CREATE TABLE credits_wallets (
  no      INTEGER PRIMARY KEY,
  id      TEXT    NOT NULL UNIQUE,
  seq     INTEGER NOT NULL CHECK (seq > 0),  -- of the last entry
  mark    INTEGER NOT NULL,                  -- of the history that led to it
  fed     INTEGER NOT NULL DEFAULT 0,        -- the entries up to it were handed to the feed
  pending INTEGER NOT NULL DEFAULT 1,        -- 1 while fed is less than seq
  due     INTEGER NOT NULL DEFAULT 0,        -- when time alone changes it next; 0 if never
  late    INTEGER NOT NULL,                  -- the latest time of its entries
  back    INTEGER NOT NULL DEFAULT 0,        -- 0 if the time of no entry is before that of an earlier one
  erased  INTEGER NOT NULL DEFAULT 0,        -- the seq of the last change that erased notes; 0 if none did
  head    BLOB    NOT NULL                   -- part 0; empty if there is none
) STRICT;

CREATE INDEX credits_wallets_due ON credits_wallets (due, id) WHERE due > 0;
CREATE INDEX credits_wallets_pending ON credits_wallets (id) WHERE pending = 1;

-- The parts of a wallet's state after the first. Their bodies are long for
-- cells of an index, so they stand in rows of their own.
CREATE TABLE credits_parts (
  wallet INTEGER NOT NULL,
  id     INTEGER NOT NULL,
  body   BLOB    NOT NULL,
  UNIQUE (wallet, id)
) STRICT;

-- What happened. A wallet's entries stand together, in their order.
CREATE TABLE credits_entries (
  wallet  INTEGER NOT NULL,
  seq     INTEGER NOT NULL CHECK (seq > 0),
  at      INTEGER NOT NULL,
  kind    INTEGER NOT NULL,
  of      INTEGER NOT NULL,  -- the entry it is about; 0 for none
  feature TEXT    NOT NULL,
  body    BLOB    NOT NULL,
  PRIMARY KEY (wallet, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX credits_entries_kind ON credits_entries (wallet, kind, seq);
CREATE INDEX credits_entries_of ON credits_entries (wallet, of, seq) WHERE of > 0;
CREATE INDEX credits_entries_feature ON credits_entries (wallet, feature, seq) WHERE feature > '';

CREATE TRIGGER credits_entries_no_update BEFORE UPDATE ON credits_entries
BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;

-- Whatever is deleted has a checkpoint in its place.
CREATE TRIGGER credits_entries_no_delete BEFORE DELETE ON credits_entries
WHEN OLD.seq > coalesce((SELECT seq FROM credits_checkpoints WHERE wallet = OLD.wallet), 0)
BEGIN SELECT RAISE(ABORT, 'entries after a checkpoint are never deleted'); END;

-- REPLACE deletes without asking the trigger above.
CREATE TRIGGER credits_entries_no_replace BEFORE INSERT ON credits_entries
WHEN EXISTS (SELECT 1 FROM credits_entries WHERE wallet = NEW.wallet AND seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'entries are never replaced'); END;

-- The notes of entries: what may be erased.
CREATE TABLE credits_notes (
  wallet INTEGER NOT NULL,
  seq    INTEGER NOT NULL,
  body   BLOB    NOT NULL,
  PRIMARY KEY (wallet, seq)
) STRICT, WITHOUT ROWID;

-- What is kept under a key, once and for good.
CREATE TABLE credits_receipts (
  wallet INTEGER NOT NULL,
  key    TEXT    NOT NULL,
  seq    INTEGER NOT NULL,  -- of the last entry that was kept with it
  body   BLOB    NOT NULL,
  PRIMARY KEY (wallet, key)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER credits_receipts_no_update BEFORE UPDATE ON credits_receipts
BEGIN SELECT RAISE(ABORT, 'receipts are never changed'); END;

CREATE TRIGGER credits_receipts_no_delete BEFORE DELETE ON credits_receipts
WHEN OLD.seq > coalesce((SELECT seq FROM credits_checkpoints WHERE wallet = OLD.wallet), 0)
BEGIN SELECT RAISE(ABORT, 'receipts after a checkpoint are never deleted'); END;

-- What stands for the entries that were pruned. It gives way to later ones alone.
CREATE TABLE credits_checkpoints (
  wallet INTEGER PRIMARY KEY,
  seq    INTEGER NOT NULL CHECK (seq > 0),  -- of the last entry that it stands for
  at     INTEGER NOT NULL,                  -- the time of that entry
  body   BLOB    NOT NULL
) STRICT;

CREATE TRIGGER credits_checkpoints_no_update BEFORE UPDATE ON credits_checkpoints
WHEN NEW.wallet <> OLD.wallet OR NEW.seq <= OLD.seq
BEGIN SELECT RAISE(ABORT, 'a checkpoint gives way to later ones alone'); END;

CREATE TRIGGER credits_checkpoints_no_delete BEFORE DELETE ON credits_checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;

-- What was worked out from entries. All of it can be made anew.
CREATE TABLE credits_digests (
  wallet  INTEGER NOT NULL,
  name    TEXT    NOT NULL,
  through INTEGER NOT NULL,  -- the seq of the last of the entries
  body    BLOB    NOT NULL,
  UNIQUE (wallet, name, through)
) STRICT;
