"""The identity room over memory or SQLite, with a clock that tests move and quick hashing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyotp
from software_passkey import SoftwarePasskey

from paywarden.core.clock import FixedClock
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.entrypoints.people_wiring import People
from paywarden.entrypoints.settings import Settings
from paywarden.identity import argon2id
from paywarden.identity.access_review.stores.sqlite import SCHEMA as ACCESS_REVIEWS
from paywarden.identity.api_keys import ApiKeyAuthenticator
from paywarden.identity.directory import Profile
from paywarden.identity.sessions import Opened
from paywarden.identity.stores.sqlite import SCHEMA, SqliteKeys
from paywarden.kit.audit import AuditEvent, SqliteAuditLog
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.subjects import SubjectKeyRing
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.memory_subject_keys import MemoryWrappedKeys

SCOPE = Scope("default", Environment.TEST)
LIVE = Scope("default", Environment.LIVE)
PASSWORD = "correct horse 7 battery staple"
MASTER = Secret(b"m" * 32)
PARTS = (KIT, SCHEMA, ACCESS_REVIEWS)


class QuickHashing:
    """`PasswordHashing` without the cost; notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def hash(self, password: Secret[str]) -> str:
        self.asked.append("hash")
        return argon2id.PREFIX + hashlib.sha256(password.expose().encode()).hexdigest()

    async def verify(self, encoded: str, password: Secret[str]) -> bool:
        self.asked.append("verify")
        digest = hashlib.sha256(password.expose().encode()).hexdigest()
        return encoded.rpartition("$")[2] == digest

    async def strength(self, password: Secret[str], words: Sequence[str]) -> int:
        self.asked.append("strength")
        return argon2id.password_strength(password.expose(), words)

    async def close(self) -> None:
        """Nothing to end."""


class Room:
    """A database in `path`, everything over it, and short ways through the ceremonies."""

    def __init__(self, path: Path, settings: Settings | None = None) -> None:
        self.path = path
        self.settings = settings or Settings()
        self.clock = FixedClock(1_800_000_000_000_000)
        self.wrapped = MemoryWrappedKeys()
        self.hashing = QuickHashing()
        self.open()

    def open(self) -> None:
        chance = SystemRandomness()
        self.reader = Reader(self.path)
        self.ring = ring = SubjectKeyRing(MASTER, self.wrapped, chance)
        self.audit = audit = SqliteAuditLog(self.reader)
        self.writer = Writer(self.path, PARTS, (ring, audit))
        keys = ApiKeyAuthenticator(SqliteKeys(self.reader, self.writer), MASTER, self.clock)
        self.people = People(
            self.settings, self.path.parent, self.reader, self.writer, audit, ring, MASTER,
            keys, self.clock, chance, self.hashing,
        )  # fmt: skip
        self.writer.start()

    def close(self) -> None:
        self.writer.close()
        self.reader.close()

    def restart(self) -> None:
        """What a new process would know."""
        self.close()
        self.open()

    def events(self, action: str) -> list[AuditEvent]:
        found = SqliteAuditLog(self.reader).read(None, 0, 1_000)
        return [event for _, event in found if event.action == action]

    async def invited(
        self, login: str = "ann", scope: Scope = SCOPE, roles: Sequence[str] = ()
    ) -> tuple[PersonId, Secret[str]]:
        profile = Profile(login, login.title(), f"{login}@example.org")
        return await self.people.directory.invite(scope, profile, "cli:people", None, roles)

    async def enrolling(self, login: str = "ann", roles: Sequence[str] = ()) -> Opened:
        _, token = await self.invited(login, roles=roles)
        return await self.people.sign_in.follow_link(SCOPE, token)

    async def with_passkey(
        self, login: str = "ann", roles: Sequence[str] = ()
    ) -> tuple[PersonId, SoftwarePasskey]:
        """An active person with one passkey."""
        opened = await self.enrolling(login, roles)
        return opened.session.person, await self.add_passkey(opened, login)

    async def add_passkey(self, opened: Opened, name: str) -> SoftwarePasskey:
        passkey = SoftwarePasskey(name)
        options = await self.people.enrolment.passkey_options(opened.session)
        made = passkey.create(options)
        await self.people.enrolment.add_passkey(opened.session, name, made)
        return passkey

    async def with_password(self, login: str = "ann") -> tuple[PersonId, pyotp.TOTP]:
        """An active person with password and one-time codes, a step after confirming."""
        opened = await self.enrolling(login)
        await self.people.enrolment.set_password(opened.session, Secret(PASSWORD))
        seed, _ = await self.people.enrolment.begin_totp(opened.session)
        codes = pyotp.TOTP(seed.expose())
        await self.people.enrolment.confirm_totp(opened.session, self.code(codes))
        self.clock.advance(60)
        return opened.session.person, codes

    def code(self, codes: pyotp.TOTP, steps: int = 0) -> Secret[str]:
        at = self.clock.now_us() // 1_000_000 + steps * 30
        return Secret(codes.generate_otp(at // 30))

    async def password(self, login: str = "ann", password: str = PASSWORD) -> Opened:
        given = {"login": Secret(login), "password": Secret(password)}
        return await self.people.sign_in.enter(SCOPE, self.people.passwords, given)

    async def passkey(self, passkey: SoftwarePasskey, **bent: Any) -> Opened:
        """Sign in with a passkey."""
        options = await self.people.passkeys.options(SCOPE)
        return await self.answer(passkey.get(options, **bent))

    async def answer(self, credential: dict[str, Any], scope: Scope = SCOPE) -> Opened:
        import json

        given = {"credential": Secret(json.dumps(credential))}
        return await self.people.sign_in.enter(scope, self.people.passkeys, given)


def template(folder: Path) -> Path:
    """A migrated database to copy."""
    path = folder / "paywarden.sqlite"
    migrate(path, PARTS)
    return path
