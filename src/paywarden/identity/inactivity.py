"""Accounts that nobody used for 90 days are disabled; keys that nothing used are told of.

Guards: activity is the last sign-in, or the making or re-enabling of the account where that came
later; an account that nobody ever entered counts as well. Disabling ends the person's sessions in
the same commit and is an event of the audit log; re-enabling waits for another person's word
(`person.enable`). Keys of programs are not ended by themselves, since a silent end stops payments:
they are counted in a metric and told of in the audit log once a day, by id, for somebody to end
them. Time comes from the injected clock, so that a test can let a quarter pass.
Source: PCI DSS 4.0.1, 8.2.6 (inactive user accounts within 90 days) and 7.2.5.1, 8.6 (accounts of
applications).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from prometheus_client import Gauge

from paywarden.core.clock import Clock
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.identity.api_keys import KeyRecord, KeyStore
from paywarden.identity.directory import Directory
from paywarden.identity.model import Account, AccountState
from paywarden.identity.ports import Committer, Records
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.metrics import Metrics

INACTIVE_US: Final = 90 * DAY_US
AT_ONCE: Final = 100
"""Accounts disabled in one round; the rest follows with the next."""
NAMED: Final = 20
"""Keys named in one event; their whole number is told beside."""
ACTOR: Final = "process:inactivity"
_USABLE: Final = frozenset({AccountState.ACTIVE, AccountState.INVITED})


def is_inactive(account: Account, now_us: int) -> bool:
    """Whether a usable account has not been used for 90 days."""
    return account.state in _USABLE and now_us - account.active_at_us >= INACTIVE_US


def is_unused(key: KeyRecord, now_us: int) -> bool:
    """Whether a live key has not been used for 90 days."""
    used = max(key.created_at_us, key.last_used_at_us or 0)
    return key.live_at(now_us) and now_us - used >= INACTIVE_US


class Inactivity:
    """The job; `look` is one round over the scopes of an installation."""

    def __init__(
        self,
        records: Records,
        directory: Directory,
        keys: KeyStore,
        committer: Committer,
        clock: Clock,
        scopes: Sequence[Scope],
        metrics: Metrics,
    ) -> None:
        self._records = records
        self._directory = directory
        self._keys = keys
        self._committer = committer
        self._clock = clock
        self._scopes = scopes
        self._told: dict[Scope, int] = {}
        self._unused = Gauge(
            "paywarden_api_keys_unused",
            "Live API keys that nothing used for 90 days",
            ("environment",),
            registry=metrics.registry,
        )

    async def look(self) -> None:
        """Disable who was inactive for 90 days, tell of keys that were not used as long."""
        for scope in self._scopes:
            await self._people(scope)
            await self._api_keys(scope)

    async def _people(self, scope: Scope) -> None:
        now = self._clock.now_us()
        accounts = await asyncio.to_thread(self._records.accounts, scope)
        for account in [one for one in accounts if is_inactive(one, now)][:AT_ONCE]:
            unit = UnitOfWork()
            self._directory.stage_disabling(unit, scope, account.person, ACTOR, "inactive")
            await self._committer.commit(unit)

    async def _api_keys(self, scope: Scope) -> None:
        now = self._clock.now_us()
        found = await asyncio.to_thread(self._keys.records, scope)
        unused = [one.key_id for one in found if is_unused(one, now)]
        self._unused.labels(scope.environment.value).set(len(unused))
        if not unused or now - self._told.get(scope, now - DAY_US) < DAY_US:
            return
        unit = UnitOfWork()
        self._directory.note(
            unit, scope, "identity:api_key:unused", ACTOR, count=len(unused),
            keys=" ".join(unused[:NAMED]),
        )  # fmt: skip
        await self._committer.commit(unit)
        self._told[scope] = now
