-- Entries refuse to be changed, whoever asks, and to be deleted unless a
-- checkpoint stands in their place; so do receipts, and checkpoints give way to later
-- ones alone. An engine without triggers does without this file: what it lacks rests
-- on the privileges of roles.sql alone.

CREATE FUNCTION credits_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'credits: % are never changed', substr(TG_TABLE_NAME, 9) USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER credits_entries_append_only BEFORE UPDATE OR TRUNCATE ON credits_entries
    FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();

CREATE TRIGGER credits_receipts_append_only BEFORE UPDATE OR TRUNCATE ON credits_receipts
    FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();

CREATE TRIGGER credits_checkpoints_append_only BEFORE TRUNCATE ON credits_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();

CREATE FUNCTION credits_pruned_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    pruned bigint;
BEGIN
    EXECUTE format('SELECT seq FROM %I.credits_checkpoints WHERE wallet = $1', TG_TABLE_SCHEMA) INTO pruned USING OLD.wallet;
    IF pruned >= OLD.seq THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'credits: % after a checkpoint are never deleted', substr(TG_TABLE_NAME, 9) USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER credits_entries_pruned_only BEFORE DELETE ON credits_entries
    FOR EACH ROW EXECUTE FUNCTION credits_pruned_only();

CREATE TRIGGER credits_receipts_pruned_only BEFORE DELETE ON credits_receipts
    FOR EACH ROW EXECUTE FUNCTION credits_pruned_only();

CREATE FUNCTION credits_later_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.wallet = OLD.wallet AND NEW.seq > OLD.seq THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'credits: a checkpoint gives way to later ones alone' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER credits_checkpoints_later_only BEFORE UPDATE OR DELETE ON credits_checkpoints
    FOR EACH ROW EXECUTE FUNCTION credits_later_only();
