"""API keys of the home for the card data environment: read, never written.

Guards: the database is opened read only and its writer is never started, so that the edge cannot
change the record of keys; of the master key only the digest key of API keys is kept. Not done here:
the time of last use, which needs a writer and which the API alone writes.
"""

from __future__ import annotations

from paywarden.cde.callers import Caller
from paywarden.core.clock import Clock
from paywarden.core.errors import NotAuthenticated
from paywarden.entrypoints.home import Home
from paywarden.identity.api_keys import ApiKeyAuthenticator
from paywarden.identity.stores.sqlite import SCHEMA, SqliteKeys
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.writer import Writer


class StoredCallers:
    """`Callers` over the home's API keys."""

    def __init__(self, home: Home, clock: Clock) -> None:
        self._reader = Reader(home.database)
        never_started = Writer(home.database, (KIT, SCHEMA))
        pepper = derive(load_master_key(home.master_key), Purpose.API_KEYS)
        keys = _KeysToRead(self._reader, never_started)
        self._keys = ApiKeyAuthenticator(keys, pepper, clock)

    def of(self, bearer: str) -> Caller | None:
        """The caller of a key's text; None when it is not a live key. Errors: Unavailable."""
        try:
            found = self._keys.authenticate(f"Bearer {bearer}")
        except NotAuthenticated:
            return None
        return Caller(found.scope, found.merchant, found.key_id, found.permissions)

    def close(self) -> None:
        """Close the database."""
        self._reader.close()


class _KeysToRead(SqliteKeys):
    """Whatever would write is refused by the writer, which never runs."""

    def note_use(self, key_id: str, at_us: int) -> None:
        """Not written from here."""
