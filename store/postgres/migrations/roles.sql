-- Two roles, to be created by an administrator after the migrations. Services
-- log in as members of credits_run: it reads and appends, and can change no
-- entry and no receipt, and remove none. Whoever migrates owns the tables and is
-- credits_migrate; it alone prunes and restores wallets.
-- Where the tables are in a schema of their own, credits_run needs USAGE on it too.

GRANT SELECT ON credits_migrations, credits_checkpoints TO credits_run;

GRANT SELECT, INSERT ON credits_entries, credits_receipts TO credits_run;

GRANT SELECT, INSERT, UPDATE ON credits_wallets, credits_parts, credits_notes TO credits_run;

GRANT SELECT, INSERT, UPDATE, DELETE ON credits_digests TO credits_run;
