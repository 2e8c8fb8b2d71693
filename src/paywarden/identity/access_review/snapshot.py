"""What a campaign looks at: every person with every role, every key of programs, as they stand now.

Guards: nobody is left out because an account is disabled or locked: a role that its holder cannot
use is still a role. Keys are API keys, clients' signing keys and certificates that an API key must
come with. Who judges an item is kept away from their own: the person, whoever gave the role, the
owner of a key; a key whose owner is nobody enrolled says so (`doubt`), and takes two reviewers.
Source: PCI DSS 4.0.1, 7.2.4 (people) and 7.2.5.1 (application and system accounts).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paywarden.core.errors import TooLarge
from paywarden.core.scope import Scope
from paywarden.identity.access_review.model import ITEMS_LIMIT, Cover, Doubt, Kind, Snapshot
from paywarden.identity.access_review.ports import HeldKeys
from paywarden.identity.api_keys import KeyRecord
from paywarden.identity.certificate_bindings import Binding
from paywarden.identity.client_keys import ClientKeyRecord
from paywarden.identity.model import Account, RoleGrant
from paywarden.identity.permissions.access import permissions_of_key
from paywarden.identity.ports import Records


class Snapshots:
    """Takes snapshots over stored people and keys; who owns what is looked up at that moment."""

    def __init__(self, records: Records, keys: HeldKeys) -> None:
        self._records = records
        self._keys = keys

    def take(self, scope: Scope, covers: frozenset[Cover], now_us: int) -> Sequence[Snapshot]:
        """All items of a campaign, people first, in a fixed order. Errors: TooLarge."""
        found: list[Snapshot] = []
        if Cover.PEOPLE in covers:
            found += self._people(scope, now_us)
        if Cover.KEYS in covers:
            found += self._held_keys(scope, now_us)
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

    def _held_keys(self, scope: Scope, now_us: int) -> Iterator[Snapshot]:
        live = {one.key_id: one for one in self._keys.api_keys.records(scope)
                if one.live_at(now_us)}  # fmt: skip
        for key in live.values():
            yield self._api_key(key)
        for signing in self._keys.signing_keys.listed(scope):
            if signing.is_live(now_us):
                yield self._signing_key(signing, live.get(signing.owner.api_key_id or ""))
        for binding in self._keys.certificates.listed(scope):
            if binding.key_id in live:
                yield self._certificate(binding, live[binding.key_id])

    def _api_key(self, one: KeyRecord) -> Snapshot:
        return Snapshot(
            Kind.API_KEY,
            one.key_id,
            self._owner(one),
            role=str(one.role),
            since_us=one.created_at_us,
            expires_at_us=one.expires_at_us,
            last_used_us=one.last_used_at_us,
            owner=one.owner,
            name=one.name,
            merchant=one.merchant,
            permissions=tuple(sorted(permissions_of_key(one.role, one.scope.environment))),
            doubt=self._doubt(one),
        )

    def _signing_key(self, one: ClientKeyRecord, key: KeyRecord | None) -> Snapshot:
        """A key that is bound to a merchant or to the whole tenant has no owner of its own."""
        return Snapshot(
            Kind.SIGNING_KEY,
            one.key_id,
            self._owner(key),
            since_us=one.created_at_us,
            expires_at_us=one.expires_at_us,
            owner="" if key is None else key.owner,
            name="" if one.partner is None else one.partner.client_id,
            merchant=one.owner.merchant,
            bound_to=one.owner.api_key_id or "",
            algorithm=one.algorithm.value,
            doubt=self._doubt(key),
        )

    def _certificate(self, one: Binding, key: KeyRecord) -> Snapshot:
        return Snapshot(
            Kind.CERTIFICATE,
            one.thumbprint,
            self._owner(key),
            since_us=one.bound_at_us,
            owner=key.owner,
            merchant=key.merchant,
            bound_to=key.key_id,
            doubt=self._doubt(key),
        )

    def _owner(self, key: KeyRecord | None) -> tuple[str, ...]:
        found = None if key is None else self._keys.owners.find(key.scope, key.owner)
        return () if found is None else (found.text,)

    def _doubt(self, key: KeyRecord | None) -> Doubt | None:
        if key is None or not key.owner:
            return Doubt.NO_OWNER
        return None if self._owner(key) else Doubt.OWNER_UNKNOWN


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
