"""The key agent's twin, in memory, and small things that the vault's tests share."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.cde.frame_format import Refused
from paywarden.cde.frames import Peer
from paywarden.cde.keys import wire as keys
from paywarden.cde.keys.client import DataKey
from paywarden.cde.vault import wire
from paywarden.cde.vault.caps import CapLimits
from paywarden.cde.vault.ports import VaultStore
from paywarden.cde.vault.purging import Retention
from paywarden.cde.vault.service import VaultLimits, VaultService
from paywarden.cde.vault.stores.sqlite_vault import SqliteVault
from paywarden.cde_client.facts import DOMAIN
from paywarden.core.clock import FixedClock
from paywarden.core.errors import Unavailable
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.framing import framed
from paywarden.reference.card_numbers import luhn_check_digit

NOW_US = 1_795_608_000_000_000  # November 2026
SCOPE, MERCHANT = "acme/test", "shop-1"
EDGE, EGRESS = Peer(0, 1, "edge"), Peer(0, 2, "egress")
OPERATOR = Peer(0, 3, "operator")
WIDE = CapLimits(per_caller=1_000_000, per_look=1_000_000, per_look_scope=1_000_000)


class AgentTwin:
    """Does what the contract says of the agent, with nothing outside this object."""

    def __init__(self) -> None:
        self.root = bytes(range(32))
        self.version, self.oldest = 1, 1
        self.index_versions = [1]
        self.anchors: dict[str, tuple[int, bytes]] = {}
        self.signer = Ed25519PrivateKey.from_private_bytes(bytes(32))
        self.gone = False
        self.destroyed: set[str] = set()
        self.fail_next: str | None = None
        self.calls: list[str] = []

    @property
    def public(self) -> bytes:
        return self.signer.public_key().public_bytes_raw()

    def _asked(self, name: str) -> None:
        self.calls.append(name)
        if self.gone or self.fail_next == name:
            self.fail_next = None
            raise Unavailable("cde_unreachable", "the key agent is gone")

    def _kek(self, scope: str, period: str, version: int) -> AESGCM:
        named = framed(b"kek", scope.encode(), period.encode(), str(version).encode())
        return AESGCM(hmac.digest(self.root, named, "sha256"))

    def _aad(self, scope: str, period: str, version: int, context: bytes) -> bytes:
        parts = (scope.encode(), b"pan", period.encode(), str(version).encode(), context)
        return framed(b"pw.dek.1", *parts)

    def _wrap(self, scope: str, period: str, context: bytes, key: bytes) -> bytes:
        nonce = SystemRandomness().octets(12)
        aad = self._aad(scope, period, self.version, context)
        return nonce + self._kek(scope, period, self.version).encrypt(nonce, key, aad)

    def open(self, scope: str, period: str, context: bytes, wrapped: bytes, version: int) -> bytes:
        aad = self._aad(scope, period, version, context)
        return self._kek(scope, period, version).decrypt(wrapped[:12], wrapped[12:], aad)

    async def new_data_keys(
        self, scope: str, purpose: str, period: str, contexts: Sequence[bytes]
    ) -> list[DataKey] | Refused:
        self._asked("new_data_keys")
        made = []
        for context in contexts:
            key = SystemRandomness().octets(32)
            made.append(DataKey(Secret(key), self._wrap(scope, period, context, key), self.version))
        return made

    async def rewrap(
        self, scope: str, purpose: str, items: Sequence[keys.RewrapItem]
    ) -> list[keys.Rewrapped] | Refused:
        self._asked("rewrap")
        made = []
        for one in items:
            if one.period in self.destroyed:
                return Refused("key_destroyed")
            key = self.open(scope, one.period, one.context, one.wrapped, one.kek_version)
            made.append(
                keys.Rewrapped(self._wrap(scope, one.period, one.context, key), self.version)
            )
        return made

    async def index_cards(
        self, scope: str, pans: Sequence[bytes]
    ) -> list[list[keys.CardIndex]] | Refused:
        self._asked("index_cards")
        return [
            [keys.CardIndex(v, self._digest(scope, v, pan)) for v in self.index_versions]
            for pan in pans
        ]

    def _digest(self, scope: str, version: int, pan: bytes) -> bytes:
        return hmac.digest(self.root, framed(scope.encode(), bytes([version]), pan), "sha256")

    async def sign_facts(self, payloads: Sequence[bytes]) -> list[keys.SignedFacts] | Refused:
        self._asked("sign_facts")
        return [keys.SignedFacts("twin", self.signer.sign(DOMAIN + one)) for one in payloads]

    async def anchor(self, name: str, revision: int, root: bytes) -> bool | Refused:
        self._asked("anchor:" + name)
        held = self.anchors.get(name, (0, b""))
        if revision < held[0]:
            return Refused("anchor_behind")
        if revision == held[0] and root != held[1]:
            return Refused("anchor_conflict")
        self.anchors[name] = (revision, root)
        return True

    async def anchored(self, name: str) -> keys.AnchorHeld | Refused | None:
        self._asked("anchored")
        held = self.anchors.get(name)
        return keys.AnchorHeld(*held) if held else None


def card_number(n: int, head: str = "411111") -> bytes:
    """The n-th valid number of 16 digits under `head`."""
    body = head + f"{n:0{15 - len(head)}d}"
    return (body + luhn_check_digit(body)).encode()


def spread_card(n: int) -> bytes:
    """The n-th of numbers that do not look alike."""
    mixed = int.from_bytes(hashlib.sha256(str(n).encode()).digest()[:5], "big") % 10**9
    return card_number(mixed)


def given(pan: bytes, **more: object) -> wire.CardGiven:
    return wire.CardGiven(pan, str(more.pop("expiry", "2028-05")), **more)  # type: ignore[arg-type]


class House:
    """A vault over a folder, with its twin and clock; `restart` opens the same files anew."""

    def __init__(
        self,
        folder: Path,
        limits: VaultLimits | None = None,
        store: Callable[[], VaultStore] | None = None,
    ) -> None:
        self.store = store or (lambda: SqliteVault(folder))
        self.folder, self.limits = folder, limits or VaultLimits(WIDE, Retention())
        self.agent, self.clock = AgentTwin(), FixedClock(NOW_US)
        self.vault: VaultService | None = None

    async def start(self) -> VaultService:
        vault = VaultService(self.store(), self.agent, self.clock, SystemRandomness(), self.limits)
        await vault.start(background=False)
        self.vault = vault
        return vault

    async def stop(self) -> None:
        if self.vault is not None:
            held, self.vault = self.vault, None
            await held.close()

    async def restart(self) -> VaultService:
        await self.stop()
        return await self.start()

    async def tokenise(self, *cards: wire.CardGiven, **more: str) -> list[wire.TokenAnswer]:
        assert self.vault is not None
        asked = wire.Tokenise(
            more.get("scope", SCOPE), more.get("merchant", MERCHANT),
            more.get("caller", "key_1"), list(cards),
        )  # fmt: skip
        answer = await self.vault.handle(EDGE, asked)
        assert isinstance(answer, wire.TokensMade), answer
        return answer.answers

    async def token(self, pan: bytes, **more: object) -> wire.TokenMade:
        made = (await self.tokenise(given(pan, **more)))[0]
        assert isinstance(made, wire.TokenMade), made.code
        return made

    async def describe(self, *tokens: str, merchant: str = MERCHANT, scope: str = SCOPE) -> list:
        answer = await self.vault.handle(EDGE, wire.Describe(scope, merchant, list(tokens)))
        return answer.answers

    async def take(
        self, token: str, *, want_cvv: bool = False, merchant: str = MERCHANT, scope: str = SCOPE
    ) -> wire.Taken | Refused:
        asked = wire.TakeForUse(scope, merchant, token, want_cvv, "forward")
        return await self.vault.handle(EGRESS, asked)

    def opened(self, taken: wire.Taken, scope: str = SCOPE) -> bytes:
        """What the egress does: the data key from the agent, then the record."""
        key = self.agent.open(
            scope, taken.period, taken.record_id.encode(), taken.wrapped, taken.kek_version
        )
        return AESGCM(key).decrypt(taken.sealed[:12], taken.sealed[12:], taken.aad)
