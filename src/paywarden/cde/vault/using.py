"""Tokens in use: what may be known of one, what opens its card, its end.

Guards: a token of another merchant, scope or environment, one that never was and one that is no
token at all get the same answer with the same code, `token_unknown`; only the merchant whose token
it was hears `token_spent` or `token_expired`. A single-use token is spent, its record ended and its
data key dropped in the commit before what opens it is handed out: whoever fails afterwards has lost
it, nobody can use it twice. A security code leaves memory before the answer is made. The vault
itself never opens a record.
"""

from __future__ import annotations

from collections.abc import Sequence

from paywarden.cde.frame_format import Refused
from paywarden.cde.vault import wire
from paywarden.cde.vault.checked_rows import CheckedRows
from paywarden.cde.vault.codes import SecurityCodes
from paywarden.cde.vault.facts import FactsSigner
from paywarden.cde.vault.groups import Act, Plan
from paywarden.cde.vault.model import Record, Spent, WrappedKey
from paywarden.cde.vault.ports import VaultStore
from paywarden.cde.vault.tokens import is_token
from paywarden.core.clock import Clock

UNKNOWN = "token_unknown"
SPENT = "token_spent"
EXPIRED = "token_expired"
_DETAILS = {
    UNKNOWN: "this merchant has no such token",
    SPENT: "this single-use token was used",
    EXPIRED: "this single-use token is over its 15 minutes",
}


class Lookups:
    """Tokens of one merchant, found or refused."""

    def __init__(self, rows: CheckedRows, clock: Clock) -> None:
        self._rows, self._clock = rows, clock

    async def find(self, scope: str, merchant: str, tokens: Sequence[str]) -> list[Record | str]:
        """A record or the code of its refusal per token."""
        stored = await self._rows.by_tokens([token for token in tokens if is_token(token)])
        return [await self._judge(scope, merchant, token, stored.get(token)) for token in tokens]

    async def _judge(
        self, scope: str, merchant: str, token: str, record: Record | None
    ) -> Record | str:
        if record is None:
            return await self._absent(scope, merchant, token)
        if (record.scope, record.merchant) != (scope, merchant):
            return UNKNOWN
        ends = record.expires_at_us
        return record if ends is None or ends > self._clock.now_us() else EXPIRED

    async def _absent(self, scope: str, merchant: str, token: str) -> str:
        mark = await self._rows.spent(token) if is_token(token) else None
        if mark is None or (mark.scope, mark.merchant) != (scope, merchant):
            return UNKNOWN
        return SPENT


async def describe(lookups: Lookups, signer: FactsSigner, asked: wire.Describe) -> wire.TokensMade:
    """Facts of each token, or its refusal, in their order."""
    found = await lookups.find(asked.scope, asked.merchant, asked.tokens)
    records = [one for one in found if isinstance(one, Record)]
    described = iter(await signer.describe(records, [True] * len(records)) if records else ())
    return wire.TokensMade(
        [wire.TokenRefused(one) if isinstance(one, str) else next(described) for one in found]
    )


class DeleteAct(Act):
    """The end of a token at its merchant's word."""

    def __init__(self, lookups: Lookups, codes: SecurityCodes, asked: wire.Delete) -> None:
        self._lookups, self._codes, self._asked = lookups, codes, asked
        self._refusal: str | None = None

    async def plan(self, plan: Plan) -> None:
        """See `Act`."""
        asked = self._asked
        found = (await self._lookups.find(asked.scope, asked.merchant, [asked.token]))[0]
        if isinstance(found, Record):
            self._refusal = None if plan.remove(found, "deleted") else UNKNOWN
            self._codes.drop(found.record_id)
        elif found != EXPIRED:
            self._refusal = found

    async def answer(self) -> wire.Deleted | Refused:
        """See `Act`."""
        return wire.Deleted() if self._refusal is None else refused(self._refusal)


class TakeAct(Act):
    """A single-use token is spent and what opens it handed out."""

    def __init__(
        self, lookups: Lookups, store: VaultStore, codes: SecurityCodes, asked: wire.TakeForUse
    ) -> None:
        self._lookups, self._store, self._codes, self._asked = lookups, store, codes, asked
        self._found: tuple[Record, WrappedKey] | str = UNKNOWN

    async def plan(self, plan: Plan) -> None:
        """See `Act`."""
        self._found = await self._spent(plan)

    async def answer(self) -> wire.Taken | Refused:
        """See `Act`."""
        if isinstance(self._found, str):
            return refused(self._found)
        return taken(*self._found, self._codes, self._asked.want_cvv)

    async def _spent(self, plan: Plan) -> tuple[Record, WrappedKey] | str:
        asked = self._asked
        found = (await self._lookups.find(asked.scope, asked.merchant, [asked.token]))[0]
        if isinstance(found, str):
            return found
        key = await self._store.wrapped(found.record_id)
        if key is None:
            return UNKNOWN
        if not plan.remove(found, "spent"):
            return SPENT
        mark = (found.token, found.scope, found.merchant, found.record_id)
        plan.group.spent.append(Spent(*mark, plan.now_us))
        return found, key


async def take_again(
    lookups: Lookups, store: VaultStore, codes: SecurityCodes, asked: wire.TakeForUse
) -> wire.Taken | Refused | None:
    """What opens a multi-use token; None for a single-use one, which `TakeAct` spends."""
    found = (await lookups.find(asked.scope, asked.merchant, [asked.token]))[0]
    if isinstance(found, str):
        return refused(found)
    if found.form == "ot":
        return None
    key = await store.wrapped(found.record_id)
    if key is None:
        return refused(UNKNOWN)
    return taken(found, key, codes, asked.want_cvv)


def refused(code: str) -> Refused:
    """A refusal of a token, in words of ours."""
    return Refused(code, _DETAILS[code])


def taken(record: Record, key: WrappedKey, codes: SecurityCodes, want_cvv: bool) -> wire.Taken:
    """What opens a record, and its code if one is wanted and held."""
    code = codes.take(record.record_id) if want_cvv else None
    if record.form == "ot":
        codes.drop(record.record_id)
    return wire.Taken(
        record.record_id, record.period, key.kek_version, key.wrapped, record.sealed, record.aad,
        record.expiry, code.expose() if code else None, record.fingerprint, record.form == "ot",
    )  # fmt: skip
