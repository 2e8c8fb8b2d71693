"""Who answers for a key: an owner given as person id, login name or e-mail, as one person.

Guards: a key's owner is stored as a person's id, so that a review of access can keep owners from
judging their own keys. People are those of the key's own tenant and environment. Display names are
no names here: two people may share one, and they are sealed.
"""

from __future__ import annotations

import unicodedata

from paywarden.core.errors import InvalidRequest
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope
from paywarden.identity import login_names
from paywarden.identity.ports import Records
from paywarden.kit.crypto.digest import KeyedDigest


class NameDigests:
    """Keyed digests under which names and links of people are kept and found."""

    def __init__(self, digest: KeyedDigest) -> None:
        self._digest = digest

    def login(self, scope: Scope, given: str) -> bytes:
        """Of a login name, whatever was typed."""
        return self._digest.of(scope, b"login", _octets(login_names.fold(given)))

    def link(self, scope: Scope, token: str) -> bytes:
        """Of a one-time link's token."""
        return self._digest.of(scope, b"link", _octets(token.strip().lower()))

    def email(self, scope: Scope, given: str) -> bytes:
        """Of an e-mail address."""
        plain = unicodedata.normalize("NFKC", given).strip().casefold()
        return self._digest.of(scope, b"email", _octets(plain))


class Owners:
    """Finds the person that an owner names."""

    def __init__(self, records: Records, digests: NameDigests) -> None:
        self._records = records
        self._digests = digests

    def find(self, scope: Scope, given: str) -> PersonId | None:
        """The person, or None when nobody enrolled is meant."""
        try:
            person = PersonId.parse(given)
        except ValueError:
            return self._named(scope, given)
        return None if self._records.account(scope, person) is None else person

    def stored(self, scope: Scope, given: str) -> str:
        """The owner as a new key holds it. Errors: InvalidRequest `key_owner_unknown`."""
        found = self.find(scope, given) if given else None
        if given and found is None:
            raise InvalidRequest(
                "key_owner_unknown",
                "the owner is nobody enrolled here; give a person id, login name or e-mail",
                pointer="/owner",
            )
        return "" if found is None else found.text

    def _named(self, scope: Scope, given: str) -> PersonId | None:
        account = self._records.account_by_login(scope, self._digests.login(scope, given))
        if account is not None:
            return account.person
        wanted = self._digests.email(scope, given)
        found = (one for one in self._records.accounts(scope) if one.email_digest == wanted)
        return next((one.person for one in found), None)


def _octets(text: str) -> bytes:
    """UTF-8, also of what no correct text holds: a look-up finds nothing and is no fault."""
    return text.encode("utf-8", "surrogatepass")
