-- The card vault's database, made once by an administrator:
--
--     createdb paywarden_vault
--     psql -v ON_ERROR_STOP=1 -d paywarden_vault -f deploy/postgresql/vault.sql
--
-- paywarden_vault_owner owns the tables and never logs in; paywarden_vault is the role of the vault
-- process: rows only, no schema changes, nothing of any other database. Give it its way in (a
-- password, a certificate, peer) yourself. Data keys stand in a schema of their own, so that records
-- and keys are backed up apart:
--
--     pg_dump --schema=vault ...        the records; opens nothing
--     pg_dump --schema=vault_keys ...   short retention: what shreds a card is that this one is gone

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'paywarden_vault_owner') THEN
        CREATE ROLE paywarden_vault_owner NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'paywarden_vault') THEN
        CREATE ROLE paywarden_vault LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION
            NOBYPASSRLS CONNECTION LIMIT 10;
    END IF;
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA vault AUTHORIZATION paywarden_vault_owner;
CREATE SCHEMA vault_keys AUTHORIZATION paywarden_vault_owner;
SET LOCAL ROLE paywarden_vault_owner;
SET LOCAL search_path = vault;

CREATE TABLE records (
    record_id TEXT PRIMARY KEY, scope TEXT NOT NULL, merchant TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE, form TEXT NOT NULL, fingerprint TEXT NOT NULL,
    bin TEXT NOT NULL, last4 TEXT NOT NULL, brand TEXT, expiry TEXT NOT NULL,
    funding TEXT, country TEXT, period TEXT NOT NULL, sealed bytea NOT NULL,
    revision bigint NOT NULL, created_at_us bigint NOT NULL, expires_at_us bigint);
CREATE INDEX records_stable
    ON records (scope, merchant, fingerprint, expiry, form, created_at_us);
CREATE INDEX records_expiring ON records (expires_at_us) WHERE expires_at_us IS NOT NULL;
CREATE INDEX records_age ON records (scope, merchant, created_at_us);
CREATE TABLE card_index (
    scope TEXT NOT NULL, version bigint NOT NULL, digest bytea NOT NULL,
    fingerprint TEXT NOT NULL, PRIMARY KEY (scope, version, digest));
CREATE TABLE spent (
    token TEXT PRIMARY KEY, scope TEXT NOT NULL, merchant TEXT NOT NULL,
    record_id TEXT NOT NULL, at_us bigint NOT NULL);
CREATE INDEX spent_age ON spent (at_us);
CREATE TABLE tombstones (
    record_id TEXT PRIMARY KEY, scope TEXT NOT NULL, why TEXT NOT NULL,
    at_us bigint NOT NULL);
CREATE TABLE sightings (
    scope TEXT NOT NULL, caller TEXT NOT NULL, card bytea NOT NULL, look TEXT NOT NULL,
    at_us bigint NOT NULL);
CREATE INDEX sightings_age ON sightings (at_us);
CREATE TABLE head (
    one bigint PRIMARY KEY CHECK (one = 1), revision bigint NOT NULL, root bytea NOT NULL,
    state bytea NOT NULL);
CREATE TABLE schema_version (version bigint PRIMARY KEY);
INSERT INTO schema_version VALUES (1);

SET LOCAL search_path = vault_keys;

CREATE TABLE wrapped_keys (
    record_id TEXT PRIMARY KEY, scope TEXT NOT NULL, period TEXT NOT NULL,
    kek_version bigint NOT NULL, wrapped bytea NOT NULL);
CREATE INDEX wrapped_keys_version ON wrapped_keys (kek_version, record_id);

GRANT USAGE ON SCHEMA vault, vault_keys TO paywarden_vault;
GRANT SELECT ON vault.schema_version TO paywarden_vault;
GRANT SELECT, INSERT, DELETE ON vault.records, vault.spent, vault.sightings TO paywarden_vault;
GRANT SELECT, INSERT ON vault.card_index, vault.tombstones TO paywarden_vault;
GRANT SELECT, INSERT, UPDATE ON vault.head TO paywarden_vault;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault_keys.wrapped_keys TO paywarden_vault;

COMMIT;
