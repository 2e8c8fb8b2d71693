"""The vault's tables and statements in words that SQLite and PostgreSQL share.

Guards: data keys stand in a place of their own (a second file, a second schema), so that a backup
of records holds no data key and the keys' backup may be kept short. `{blob}` and `{int}` are the
types that differ; parameters are `?`, which the PostgreSQL store numbers.
"""

from __future__ import annotations

from typing import Final

from paywarden.cde.vault.model import RECORD_COLUMNS

SCHEMA_VERSION: Final = 1

TABLES: Final = (
    """CREATE TABLE records (
        record_id TEXT PRIMARY KEY, scope TEXT NOT NULL, merchant TEXT NOT NULL,
        token TEXT NOT NULL UNIQUE, form TEXT NOT NULL, fingerprint TEXT NOT NULL,
        bin TEXT NOT NULL, last4 TEXT NOT NULL, brand TEXT, expiry TEXT NOT NULL,
        funding TEXT, country TEXT, period TEXT NOT NULL, sealed {blob} NOT NULL,
        revision {int} NOT NULL, created_at_us {int} NOT NULL, expires_at_us {int})""",
    """CREATE INDEX records_stable
        ON records (scope, merchant, fingerprint, expiry, form, created_at_us)""",
    "CREATE INDEX records_expiring ON records (expires_at_us) WHERE expires_at_us IS NOT NULL",
    "CREATE INDEX records_age ON records (scope, merchant, created_at_us)",
    """CREATE TABLE card_index (
        scope TEXT NOT NULL, version {int} NOT NULL, digest {blob} NOT NULL,
        fingerprint TEXT NOT NULL, PRIMARY KEY (scope, version, digest))""",
    """CREATE TABLE spent (
        token TEXT PRIMARY KEY, scope TEXT NOT NULL, merchant TEXT NOT NULL,
        record_id TEXT NOT NULL, at_us {int} NOT NULL)""",
    "CREATE INDEX spent_age ON spent (at_us)",
    """CREATE TABLE tombstones (
        record_id TEXT PRIMARY KEY, scope TEXT NOT NULL, why TEXT NOT NULL,
        at_us {int} NOT NULL)""",
    """CREATE TABLE sightings (
        scope TEXT NOT NULL, caller TEXT NOT NULL, card {blob} NOT NULL, look TEXT NOT NULL,
        at_us {int} NOT NULL)""",
    "CREATE INDEX sightings_age ON sightings (at_us)",
    """CREATE TABLE head (
        one {int} PRIMARY KEY CHECK (one = 1), revision {int} NOT NULL, root {blob} NOT NULL,
        state {blob} NOT NULL)""",
)

KEY_TABLES: Final = (
    """CREATE TABLE wrapped_keys (
        record_id TEXT PRIMARY KEY, scope TEXT NOT NULL, period TEXT NOT NULL,
        kek_version {int} NOT NULL, wrapped {blob} NOT NULL)""",
    "CREATE INDEX wrapped_keys_version ON wrapped_keys (kek_version, record_id)",
)

RECORD: Final = ", ".join(RECORD_COLUMNS)
INDEX: Final = "scope, version, digest, fingerprint"
SPENT: Final = "token, scope, merchant, record_id, at_us"
TOMBSTONE: Final = "record_id, scope, why, at_us"
SIGHTING: Final = "scope, caller, card, look, at_us"
KEY: Final = "record_id, scope, period, kek_version, wrapped"


def insert(table: str, columns: str) -> str:
    """An insert of one row."""
    marks = ", ".join("?" * len(columns.split(", ")))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608


PUT_RECORD: Final = insert("records", RECORD)
PUT_INDEX: Final = insert("card_index", INDEX)
PUT_SPENT: Final = insert("spent", SPENT)
PUT_TOMBSTONE: Final = insert("tombstones", TOMBSTONE)
PUT_SIGHTING: Final = insert("sightings", SIGHTING)
PUT_KEY: Final = insert("wrapped_keys", KEY)
PUT_HEAD: Final = (
    insert("head", "one, revision, root, state")
    + " ON CONFLICT (one) DO UPDATE SET revision = excluded.revision, root = excluded.root,"
    " state = excluded.state"
)
DROP_RECORD: Final = "DELETE FROM records WHERE record_id = ?"
DROP_SPENT: Final = "DELETE FROM spent WHERE token = ?"
DROP_KEY: Final = "DELETE FROM wrapped_keys WHERE record_id = ?"
DROP_SIGHTINGS: Final = "DELETE FROM sightings WHERE at_us <= ?"
CHANGE_KEY: Final = (
    "UPDATE wrapped_keys SET kek_version = ?, wrapped = ?"
    " WHERE record_id = ? AND kek_version = ? AND wrapped = ?"
)
GET_HEAD: Final = "SELECT revision, root, state FROM head"
GET_INDEX: Final = f"SELECT {INDEX} FROM card_index WHERE scope = ? AND version = ? AND digest = ?"  # noqa: S608
GET_STABLE: Final = (
    f"SELECT {RECORD} FROM records WHERE scope = ? AND merchant = ? AND fingerprint = ?"  # noqa: S608
    " AND expiry = ? AND form = ? ORDER BY created_at_us DESC, record_id DESC LIMIT 1"
)
GET_TOKEN: Final = f"SELECT {RECORD} FROM records WHERE token = ?"  # noqa: S608
GET_SPENT: Final = f"SELECT {SPENT} FROM spent WHERE token = ?"  # noqa: S608
GET_KEY: Final = f"SELECT {KEY} FROM wrapped_keys WHERE record_id = ?"  # noqa: S608
GET_EXPIRED: Final = (
    f"SELECT {RECORD} FROM records WHERE expires_at_us IS NOT NULL AND expires_at_us <= ?"  # noqa: S608
    " ORDER BY expires_at_us LIMIT ?"
)
GET_OLD: Final = (
    f"SELECT {RECORD} FROM records WHERE scope = ? AND merchant = ? AND created_at_us < ?"  # noqa: S608
    " ORDER BY created_at_us LIMIT ?"
)
GET_OLD_SPENT: Final = f"SELECT {SPENT} FROM spent WHERE at_us < ? ORDER BY at_us LIMIT ?"  # noqa: S608
GET_MERCHANTS: Final = (
    "SELECT scope, merchant, count(*), min(created_at_us) FROM records"
    " GROUP BY scope, merchant ORDER BY scope, merchant"
)
GET_SIGHTINGS: Final = f"SELECT {SIGHTING} FROM sightings WHERE at_us > ? ORDER BY at_us"  # noqa: S608
GET_VERSIONS: Final = "SELECT kek_version, count(*) FROM wrapped_keys GROUP BY kek_version"
GET_UNDER: Final = (
    f"SELECT {KEY} FROM wrapped_keys WHERE kek_version < ?"  # noqa: S608
    " AND (kek_version, record_id) > (?, ?) ORDER BY kek_version, record_id LIMIT ?"
)
GET_NEWEST: Final = (
    f"SELECT {KEY} FROM wrapped_keys ORDER BY kek_version DESC, record_id DESC LIMIT ?"  # noqa: S608
)
COUNTS: Final = (
    "SELECT (SELECT count(*) FROM records), (SELECT count(DISTINCT fingerprint) FROM card_index),"
    " (SELECT count(*) FROM spent), (SELECT count(*) FROM tombstones)"
)
ALL_KEY_IDS: Final = "SELECT record_id FROM wrapped_keys WHERE record_id > ? ORDER BY 1 LIMIT ?"
IS_RECORD: Final = "SELECT 1 FROM records WHERE record_id = ?"


def typed(statement: str, blob: str, integer: str) -> str:
    """A table's statement with a database's own types."""
    return statement.replace("{blob}", blob).replace("{int}", integer)
