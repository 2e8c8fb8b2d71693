"""What a campaign looks at: every person with every role, every API key, as they stand now.

Guards: nobody is left out because an account is disabled or locked: a role that its holder cannot
use is still a role. Who judges an item is kept away from their own: the person, whoever gave the
role, the owner of a key (when owners are written as person ids, `psn_...`).
Source: PCI DSS 4.0.1, 7.2.4 (people) and 7.2.5.1 (application and system accounts).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paywarden.core.errors import TooLarge
from paywarden.core.scope import Scope
from paywarden.identity.access_review.model import ITEMS_LIMIT, Cover, Kind, Snapshot
from paywarden.identity.api_keys import KeyStore
from paywarden.identity.model import Account, RoleGrant
from paywarden.identity.permissions.access import permissions_of_key
from paywarden.identity.ports import Records


class Snapshots:
    """Takes snapshots over stored people and keys."""

    def __init__(self, records: Records, keys: KeyStore) -> None:
        self._records = records
        self._keys = keys

    def take(self, scope: Scope, covers: frozenset[Cover], now_us: int) -> Sequence[Snapshot]:
        """All items of a campaign, people first, in a fixed order. Errors: TooLarge."""
        found: list[Snapshot] = []
        if Cover.PEOPLE in covers:
            found += self._people(scope, now_us)
        if Cover.KEYS in covers:
            found += self._api_keys(scope, now_us)
        if len(found) > ITEMS_LIMIT:
            raise TooLarge(
                "access_review_too_large",
                f"a review holds at most {ITEMS_LIMIT} items; open one for people, one for keys",
            )
        return found

    def _people(self, scope: Scope, now_us: int) -> Iterator[Snapshot]:
        grants: dict[str, list[RoleGrant]] = {}
        for grant in self._records.grants(scope):
            if grant.live_at(now_us):
                grants.setdefault(grant.person.text, []).append(grant)
        for account in sorted(self._records.accounts(scope), key=lambda one: one.person.text):
            held = grants.get(account.person.text, [])
            if not held:
                yield _without_roles(account, now_us)
            for grant in sorted(held, key=lambda one: one.role):
                yield _of_grant(account, grant, now_us)

    def _api_keys(self, scope: Scope, now_us: int) -> Iterator[Snapshot]:
        for one in self._keys.records(scope):
            if one.live_at(now_us):
                yield Snapshot(
                    Kind.API_KEY,
                    one.key_id,
                    (one.owner,) if one.owner.startswith("psn_") else (),
                    role=str(one.role),
                    since_us=one.created_at_us,
                    expires_at_us=one.expires_at_us,
                    last_used_us=one.last_used_at_us,
                    owner=one.owner,
                    name=one.name,
                    merchant=one.merchant,
                    permissions=tuple(sorted(permissions_of_key(one.role, scope.environment))),
                )


def _of_grant(account: Account, grant: RoleGrant, now_us: int) -> Snapshot:
    by = None if grant.granted_by is None else grant.granted_by.text
    person = account.person.text
    return Snapshot(
        Kind.GRANT,
        person,
        (person,) if by is None else (person, by),
        role=grant.role,
        granted_by=by,
        since_us=grant.granted_at_us,
        expires_at_us=grant.expires_at_us,
        last_used_us=account.last_sign_in_us,
        account=account.state_at(now_us).value,
    )


def _without_roles(account: Account, now_us: int) -> Snapshot:
    person = account.person.text
    return Snapshot(
        Kind.ACCOUNT,
        person,
        (person,),
        since_us=account.created_at_us,
        last_used_us=account.last_sign_in_us,
        account=account.state_at(now_us).value,
    )
