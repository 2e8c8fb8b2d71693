"""Who a caller is: its user and, where processes share one user, a secret of its own.

    run/<caller>.caller    32 random octets, mode 0600, shared by the caller and the servers

Guards: in production every process has its own user, and the kernel tells who calls; in development
all share one, and the secret tells them apart (a mix-up, not an attacker: who runs as that user can
read every one of them). A name counts only with its user and its secret.
"""

from __future__ import annotations

import hmac
import pwd
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from paywarden.cde.frame_format import Hello
from paywarden.core.clock import Randomness
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.kit.crypto.master import create_master_key, load_master_key

CALLERS: Final = ("vault", "edge", "egress", "operator")


@dataclass(frozen=True, slots=True)
class KnownCaller:
    """A caller's user, and its proof; None where the user alone proves it."""

    uid: int
    proof: Secret[bytes] | None = None


@dataclass(frozen=True, slots=True)
class KnownCallers:
    """Callers by name; `admits` is what a frame server asks."""

    by_name: Mapping[str, KnownCaller] = field(default_factory=dict)

    @property
    def uids(self) -> frozenset[int]:
        """Users that may connect at all."""
        return frozenset(caller.uid for caller in self.by_name.values())

    def admits(self, hello: Hello, uid: int) -> bool:
        """Whether this user may use this name."""
        known = self.by_name.get(hello.caller)
        if known is None or known.uid != uid:
            return False
        return known.proof is None or hmac.compare_digest(known.proof.expose(), hello.proof)


def proof_file(run: Path, caller: str) -> Path:
    """Where a caller's proof lies."""
    return run / f"{caller}.caller"


def make_proofs(run: Path, randomness: Randomness, callers: Iterable[str] = CALLERS) -> list[str]:
    """Make the proofs that are missing; the names made."""
    missing = [name for name in callers if not proof_file(run, name).exists()]
    for name in missing:
        create_master_key(proof_file(run, name), randomness)
    return missing


def load_proof(run: Path, caller: str) -> Secret[bytes] | None:
    """A caller's proof, None where it has none. Errors: Unavailable when the file is unsafe."""
    path = proof_file(run, caller)
    return load_master_key(path) if path.exists() else None


def callers_of_users(users: Mapping[str, str], own_uid: int, file: str) -> KnownCallers:
    """Production: every caller is a user of its own, and none is ours.

    `users`: names of users by caller, as the settings `file` has them. Errors: InvalidRequest
    `callers_not_apart`.
    """
    uids = {caller: _uid_of(caller, user, file) for caller, user in users.items()}
    if len({own_uid, *uids.values()}) != len(uids) + 1:
        raise InvalidRequest(
            "callers_not_apart", "in production every process has a user of its own", pointer=file
        )
    return KnownCallers({name: KnownCaller(uid) for name, uid in uids.items()})


def _uid_of(caller: str, user: str, file: str) -> int:
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise InvalidRequest(
            "callers_not_apart", f"name an existing user for [callers] {caller}", pointer=file
        ) from None


def callers_of_one_user(run: Path, uid: int, callers: Iterable[str] = CALLERS) -> KnownCallers:
    """Development: every caller is this user and has a proof. Errors: Unavailable."""
    return KnownCallers(
        {name: KnownCaller(uid, load_master_key(proof_file(run, name))) for name in callers}
    )
