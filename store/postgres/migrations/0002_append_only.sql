-- Entries refuse to be changed, whoever asks. An engine without triggers does
-- without this file: what it lacks rests on the privileges of roles.sql alone.

CREATE FUNCTION credits_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'credits: entries are never changed' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER credits_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credits_entries
    FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();
