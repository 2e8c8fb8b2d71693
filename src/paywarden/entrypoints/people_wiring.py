"""Persons, their credentials and sessions, wired over one database."""

from __future__ import annotations

from pathlib import Path

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.entrypoints.settings import Settings
from paywarden.identity.api_keys import ApiKeyAuthenticator
from paywarden.identity.attempts import Attempts
from paywarden.identity.breached import BreachedPasswords
from paywarden.identity.challenges import Challenges
from paywarden.identity.code_check import CodeCheck
from paywarden.identity.directory import Directory
from paywarden.identity.enrolment import Enrolment
from paywarden.identity.hashing_process import HashingProcess
from paywarden.identity.local_sign_in import PasskeySignIn, PasswordSignIn
from paywarden.identity.owners import NameDigests, Owners
from paywarden.identity.passkeys import Ceremonies, RelyingParty
from paywarden.identity.passwords import PasswordPolicy
from paywarden.identity.permissions.access import Table
from paywarden.identity.ports import PasswordHashing
from paywarden.identity.request_authenticator import RequestAuthenticator
from paywarden.identity.roster import StoredRoster
from paywarden.identity.sessions import Sessions
from paywarden.identity.sign_in import SignIn
from paywarden.identity.stores.sqlite_records import SqliteRecords
from paywarden.identity.totp import Totp
from paywarden.identity.turns import Turns
from paywarden.kit.audit import AuditLog
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.crypto.ports import SubjectKeys
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer


class People:
    """The identity room over stores, keys and settings."""

    def __init__(
        self,
        settings: Settings,
        root: Path,
        reader: Reader,
        writer: Writer,
        audit: AuditLog,
        keys: SubjectKeys,
        master: Secret[bytes],
        api_keys: ApiKeyAuthenticator,
        clock: Clock,
        randomness: Randomness,
        hashing: PasswordHashing | None = None,
    ) -> None:
        _check(settings)
        given = settings.identity
        self.tenant, self.origin = settings.installation.tenant, given.origin
        self.committer = writer
        digest = KeyedDigest(derive(master, Purpose.PEOPLE))
        self.records = SqliteRecords(reader)
        self.owners = Owners(self.records, NameDigests(digest))
        breached = BreachedPasswords(
            (root / given.breached_passwords) if given.breached_passwords else None
        )
        self.roles = Table()
        self.roster = StoredRoster(self.records, clock)
        self.hashing = hashing or HashingProcess()
        self.directory = Directory(self.records, writer, audit, keys, digest, clock, randomness)
        self.sessions = Sessions(
            self.records, writer, self.roles, derive(master, Purpose.SESSIONS), clock, randomness
        )
        self.authenticator = RequestAuthenticator(api_keys, self.sessions)
        policy = PasswordPolicy(self.hashing, breached, clock)
        attempts, turns = Attempts(self.records, writer, audit, clock), Turns()
        party = RelyingParty(given.rp_id, given.rp_name, (given.origin,))
        ceremonies = Ceremonies(party, Challenges(digest, clock, randomness))
        totp = Totp(keys, given.rp_name, clock, randomness)
        self.codes = CodeCheck(self.records, totp, attempts, turns)
        self.passwords = PasswordSignIn(
            self.records, self.directory, self.hashing, policy, attempts, turns
        )
        self.passkeys = PasskeySignIn(
            self.records, writer, self.directory, attempts, ceremonies, clock
        )
        self.sign_in = SignIn(
            self.records, writer, self.sessions, self.directory, attempts, turns,
            self.passkeys, ceremonies, totp, digest, clock,
        )  # fmt: skip
        self.enrolment = Enrolment(
            self.records, writer, self.sessions, self.directory, attempts, turns, policy,
            ceremonies, totp, digest, clock, randomness,
        )  # fmt: skip

    async def close(self) -> None:
        """End the process that hashes."""
        await self.hashing.close()


def _check(settings: Settings) -> None:
    """Errors: InvalidRequest for an origin that browsers or production refuse."""
    origin, rp_id = settings.identity.origin, settings.identity.rp_id
    scheme, _, rest = origin.partition("://")
    host = rest.partition(":")[0]
    if scheme not in ("http", "https") or "/" in rest or not host:
        raise InvalidRequest(
            "origin_invalid", "write it like https://pay.example", pointer="identity.origin"
        )
    if host != rp_id and not host.endswith(f".{rp_id}"):
        raise InvalidRequest(
            "rp_id_invalid",
            "rp_id must be the host of identity.origin, or a domain above it",
            pointer="identity.rp_id",
        )
    if settings.installation.mode == "production" and scheme != "https":
        raise InvalidRequest(
            "origin_insecure",
            "in production people sign in over https only",
            pointer="identity.origin",
        )
