-- Tables and indexes. Every key leads with the wallet. Names are compared byte
-- by byte, whatever the collation of the database. Times are microseconds since
-- 1970-01-01 UTC. An empty body or note is none. Rows are deleted by pruning alone,
-- but for digests.

-- Where each wallet stands. It is locked by whoever changes the wallet.
CREATE TABLE credits_wallets (
    id      text COLLATE "C" NOT NULL PRIMARY KEY,
    seq     bigint  NOT NULL, -- of its last entry
    mark    bigint  NOT NULL, -- of the history that led to it
    fed     bigint  NOT NULL, -- the entries up to it were handed to the feed
    due     bigint  NOT NULL, -- when time alone changes it next; 0 if never
    pending boolean NOT NULL, -- fed < seq
    late    bigint  NOT NULL, -- the latest time of its entries
    back    bigint  NOT NULL, -- 0 if the time of no entry is before that of an earlier one
    head    bytea,            -- part 0 of its state
    erased  bigint,           -- the seq of the last change that erased notes; NULL if none did
    pruned  bigint            -- the seq of its checkpoint; NULL if it has none
) WITH (fillfactor = 70);

CREATE INDEX credits_wallets_due ON credits_wallets (due, id) WHERE due <> 0;

CREATE INDEX credits_wallets_pending ON credits_wallets (id) WHERE pending;

-- The other parts of the wallets' states.
CREATE TABLE credits_parts (
    wallet text COLLATE "C" NOT NULL,
    id     bigint NOT NULL,
    body   bytea  NOT NULL,
    PRIMARY KEY (wallet, id)
) WITH (fillfactor = 70);

-- What happened. Rows are added, and never changed.
CREATE TABLE credits_entries (
    wallet  text COLLATE "C" NOT NULL,
    seq     bigint   NOT NULL,
    at      bigint   NOT NULL,
    kind    smallint NOT NULL,
    of_     bigint   NOT NULL, -- the entry it is about; 0 for none
    feature text COLLATE "C" NOT NULL,
    body    bytea    NOT NULL, -- what the chain of hashes covers
    PRIMARY KEY (wallet, seq)
);

-- A query that asks for the order of seq + 0 is served by one of these alone, and
-- not by the primary key, which would read a whole history for what is rare in it.
CREATE INDEX credits_entries_kind ON credits_entries (wallet, kind, (seq + 0));

CREATE INDEX credits_entries_of ON credits_entries (wallet, of_, (seq + 0)) WHERE of_ <> 0;

CREATE INDEX credits_entries_feature ON credits_entries (wallet, feature, (seq + 0)) WHERE feature <> '';

-- What may be erased of an entry. It stands apart, so that entries never change.
CREATE TABLE credits_notes (
    wallet text COLLATE "C" NOT NULL,
    seq    bigint NOT NULL,
    note   bytea  NOT NULL,
    PRIMARY KEY (wallet, seq)
);

-- What was answered to each key of a wallet.
CREATE TABLE credits_receipts (
    wallet text COLLATE "C" NOT NULL,
    key    text COLLATE "C" NOT NULL,
    seq    bigint NOT NULL, -- of the last entry that was kept with it
    body   bytea  NOT NULL,
    PRIMARY KEY (wallet, key)
);

-- What stands for the entries that were pruned.
CREATE TABLE credits_checkpoints (
    wallet text COLLATE "C" NOT NULL PRIMARY KEY,
    seq    bigint NOT NULL, -- of the last entry that it stands for
    at     bigint NOT NULL, -- the time of that entry
    body   bytea  NOT NULL
);

-- What was worked out from entries. All of it can be made anew.
CREATE TABLE credits_digests (
    wallet  text COLLATE "C" NOT NULL,
    name    text COLLATE "C" NOT NULL,
    through bigint NOT NULL, -- the seq of the last of the entries
    body    bytea  NOT NULL,
    PRIMARY KEY (wallet, name, through)
);
