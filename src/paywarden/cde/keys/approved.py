"""What stands behind an operator's act: in production a grant that people signed.

Guards: the agent believes its own roster and no process that says "approved"; a grant fits one act
(purpose and version or month are in the payload's hash) and is used once, which is durable before
the act begins. In development nothing is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.state_journal import OnceRecord, StateJournal
from paywarden.cde_client import grants
from paywarden.cde_client.challenge import hash_payload
from paywarden.cde_client.messages import ApprovalGrant
from paywarden.cde_client.roster import PinnedRoster
from paywarden.core.clock import Clock
from paywarden.core.scope import Scope
from paywarden.kit.crypto.framing import framed

APPROVALS: Final = 2
CUSTODIAN_ROLES: Final = frozenset({"key_custodian"})


class Approvals(Protocol):
    """Judges an operator's act before it is done."""

    async def refusal(
        self, action: str, subject: str, grant: ApprovalGrant | None
    ) -> Refused | None:
        """Why the act may not be done, or None, once; `action` and `subject` as in `payload_of`."""
        ...

    def records(self) -> Iterable[OnceRecord]:
        """What a compacted journal keeps."""
        ...


def payload_of(subject: str) -> bytes:
    """The payload that people approve: what the act is about, e.g. "pan/2026-08"."""
    return framed(b"pw.cde-keys.1", subject.encode())


class NothingAsked:
    """Development: every act goes through."""

    async def refusal(
        self, _action: str, _subject: str, _grant: ApprovalGrant | None
    ) -> Refused | None:
        """None."""
        return None

    def records(self) -> Iterable[OnceRecord]:
        """None."""
        return []


@dataclass(frozen=True, slots=True)
class Rule:
    """For which scope grants are made out, and by how many of which roles."""

    scope: Scope
    approvals: int = APPROVALS
    roles: frozenset[str] = CUSTODIAN_ROLES


class SignedGrants:
    """Production: a grant per act, verified against the agent's own roster."""

    def __init__(
        self, roster: PinnedRoster, rule: Rule, clock: Clock, journal: StateJournal
    ) -> None:
        self._roster, self._rule, self._clock, self._journal = roster, rule, clock, journal
        self._used = {one.once_key for one in journal.records if isinstance(one, OnceRecord)}

    async def refusal(
        self, action: str, subject: str, grant: ApprovalGrant | None
    ) -> Refused | None:
        """Refused `grant_required`, `grant_used`, or the verifier's own code."""
        if grant is None:
            return Refused("grant_required", f"{action} needs a signed approval")
        rule = self._rule
        hashed = hash_payload(action, payload_of(subject))
        wanted = grants.Expected(rule.scope, action, hashed, rule.approvals, rule.roles)
        verdict = grants.verify(grant, self._roster, self._clock.now_us(), wanted)
        if isinstance(verdict, grants.Refused):
            return Refused(verdict.code, verdict.detail)
        if verdict.once_key in self._used:
            return Refused("grant_used", "this approval has been used")
        self._used.add(verdict.once_key)
        await self._journal.commit(OnceRecord(verdict.once_key))
        return None

    def records(self) -> Iterable[OnceRecord]:
        """Every approval that was used."""
        return [OnceRecord(key) for key in self._used]
