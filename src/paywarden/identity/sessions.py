"""Sessions of persons: opaque 256-bit tokens of which only a keyed digest is stored.

Guards: each sign-in and each new proof of factors (step-up) opens a new session with a new token,
never reusing one that a browser brought (CWE-384); a step-up keeps the end of the session that it
replaces. 15 minutes idle, 8 hours at most. Every look-up reads account, grants and session anew, so
whatever ends one ends it at the next request, in whichever unit of work it was written. The time of
last use is kept in memory and written at most once a minute; after a restart a session is at most
that minute closer to being idle.
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import NotAuthenticated
from paywarden.core.identifiers import PersonId, SessionId
from paywarden.core.instants import MINUTE_US
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.identity import changes as c
from paywarden.identity.model import (
    SESSION_LIFE_US,
    Account,
    AccountState,
    Session,
    SessionKind,
)
from paywarden.identity.ports import Committer, Records, RoleTable
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.log import logger

TOKEN_OCTETS: Final = 32
PER_PERSON: Final = 16
SEEN_LIMIT: Final = 20_000
WRITE_SEEN_US: Final = MINUTE_US
ENROL: Final = "identity:enrol"
SECOND_FACTOR: Final = "identity:second_factor"
SELF: Final = "identity:self"
BY_KIND: Final = {
    SessionKind.ENROLMENT: frozenset({ENROL}),
    SessionKind.FIRST_FACTOR: frozenset({SECOND_FACTOR}),
    SessionKind.FULL: frozenset({ENROL, SELF}),
}
"""What a session may do by its kind; a full one may also do what the person's roles may."""
_ABLE: Final = {
    SessionKind.ENROLMENT: {AccountState.INVITED, AccountState.ACTIVE, AccountState.LOCKED},
    SessionKind.FIRST_FACTOR: {AccountState.ACTIVE},
    SessionKind.FULL: {AccountState.ACTIVE},
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A fresh session and its token, which is told to the browser this once."""

    token: Secret[str]
    session: Session


class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(
        self,
        records: Records,
        committer: Committer,
        roles: RoleTable,
        key: Secret[bytes],
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._records = records
        self._committer = committer
        self._roles = roles
        self._key = key
        self._clock = clock
        self._randomness = randomness
        self._seen: OrderedDict[SessionId, tuple[int, int]] = OrderedDict()

    def stage_open(
        self,
        unit: UnitOfWork,
        scope: Scope,
        person: PersonId,
        kind: SessionKind,
        methods: tuple[str, ...],
        replaces: Session | None = None,
    ) -> Opened:
        """Add a new session to `unit`; `replaces` ends in the same unit, with the same end."""
        now = self._clock.now_us()
        token = base64.urlsafe_b64encode(self._randomness.octets(TOKEN_OCTETS)).decode()[:43]
        ends = now + SESSION_LIFE_US[kind]
        if replaces is not None and replaces.kind is kind:
            ends = replaces.ends_at_us
        name = SessionId.new(self._randomness)
        digest = self._digest(token)
        session = Session(name, digest, scope, person, kind, methods, now, now, now, ends)
        self._records.stage(unit, c.Swept(now))
        if replaces is not None:
            self.stage_revoke(unit, replaces)
        self._stage_surplus(unit, scope, person, now)
        self._records.stage(unit, c.SessionOpened(session))
        return Opened(Secret(token), session)

    def principal(self, token: str) -> Principal:
        """Who a token stands for. Errors: NotAuthenticated `session_over`."""
        found = self._records.session_by_token(self._digest(token))
        if found is None:
            raise _over()
        now = self._clock.now_us()
        account = self._records.account(found.scope, found.person)
        if not found.live_at(now, self._last_seen(found)) or not _able(found, account, now):
            raise _over()
        self._touch(found, now)
        roles = self._roles_of(found, now)
        held, step_up = self._roles.permissions_of(
            roles, found.scope.environment, found.auth_at_us, now
        )
        return Principal(
            found.session.text,
            found.scope,
            BY_KIND[found.kind] | held,
            None,
            found.person,
            found.session.text,
            roles,
            step_up,
        )

    def of(self, principal: Principal) -> Session:
        """The session that a principal stands on."""
        found = None
        if principal.session is not None:
            found = self._records.session(principal.scope, SessionId(principal.session))
        if found is None:
            raise _over()
        return found

    def live_of(self, scope: Scope, person: PersonId) -> Sequence[tuple[Session, int]]:
        """Live sessions of a person with the time of last use, newest first."""
        now = self._clock.now_us()
        seen = [(one, self._last_seen(one)) for one in self._records.sessions_of(scope, person)]
        return [(one, at_us) for one, at_us in seen if one.live_at(now, at_us)]

    def stage_revoke(self, unit: UnitOfWork, session: Session) -> None:
        """End one session."""
        now = self._clock.now_us()
        change = c.SessionRevoked(session.scope, session.person, session.session, now)
        self._records.stage(unit, change)

    def stage_revoke_all(
        self, unit: UnitOfWork, scope: Scope, person: PersonId, kept: SessionId | None = None
    ) -> None:
        """End all sessions of a person but one."""
        self._records.stage(unit, c.SessionsRevoked(scope, person, self._clock.now_us(), kept))

    def _stage_surplus(self, unit: UnitOfWork, scope: Scope, person: PersonId, now: int) -> None:
        for one in self._records.sessions_of(scope, person)[PER_PERSON - 1 :]:
            self._records.stage(unit, c.SessionRevoked(scope, person, one.session, now))

    def _roles_of(self, session: Session, now: int) -> frozenset[str]:
        """Live roles; none before all factors are proved."""
        if session.kind is not SessionKind.FULL:
            return frozenset()
        grants = self._records.grants_of(session.scope, session.person)
        return frozenset(grant.role for grant in grants if grant.live_at(now))

    def _last_seen(self, session: Session) -> int:
        held = self._seen.get(session.session)
        return max(session.last_seen_us, held[0] if held else 0)

    def _touch(self, session: Session, now: int) -> None:
        _, written = self._seen.get(session.session, (0, session.last_seen_us))
        if now - written >= WRITE_SEEN_US:
            written = now
            unit = UnitOfWork()
            self._records.stage(unit, c.SessionSeen(session.scope, session.session, now))
            self._committer.submit(unit).add_done_callback(_tell_failure)
        self._seen[session.session] = (now, written)
        self._seen.move_to_end(session.session)
        if len(self._seen) > SEEN_LIMIT:
            self._seen.popitem(last=False)

    def _digest(self, token: str) -> bytes:
        octets = token.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(octets, key=self._key.expose(), digest_size=32).digest()


def _able(session: Session, account: Account | None, now: int) -> bool:
    return account is not None and account.state_at(now) in _ABLE[session.kind]


def _over() -> NotAuthenticated:
    return NotAuthenticated("session_over", "this session is over; sign in again")


def _tell_failure(future: Future[None]) -> None:
    fault = future.exception()
    if fault is not None:
        logger().error("session_seen_unwritten", error_type=type(fault).__name__)
