"""The key agent's service: judges each request, then uses or changes keys.

Guards, in this order: the caller's operation list; for an opening the budgets, spent durably before
a key is unwrapped, so that a guess costs as much as a hit; for an operator's act the approval; then
the keys themselves, which check scope, month, version and record. A batch is answered whole or not
at all. Refusals of keys are one code each and quote nothing that was asked.
"""

from __future__ import annotations

import collections
import typing
from dataclasses import dataclass

import paywarden
from paywarden.cde.frame_format import Refused
from paywarden.cde.frames import Peer
from paywarden.cde.keys import model, wire
from paywarden.cde.keys.anchors import Anchors
from paywarden.cde.keys.approved import Approvals
from paywarden.cde.keys.budgets import DecryptBudgets
from paywarden.cde.keys.keeper import Keeper, month_of
from paywarden.cde.keys.operations import refusal_of
from paywarden.core.clock import Clock
from paywarden.kit.log import logger

Act = wire.Rotate | wire.Destroy | wire.DestroyVersion | wire.MarkCompromised


@dataclass(frozen=True, slots=True)
class Standing:
    """How this agent runs, as `Ping` tells."""

    production: bool
    memory_locked: bool


class Agent:
    """Answers requests; `answer` is the handler of a frame server."""

    def __init__(
        self,
        keeper: Keeper,
        budgets: DecryptBudgets,
        anchors: Anchors,
        approvals: Approvals,
        clock: Clock,
        standing: Standing,
    ) -> None:
        self._keeper, self._budgets, self._anchors = keeper, budgets, anchors
        self._approvals, self._clock, self._standing = approvals, clock, standing
        self._uses: collections.Counter[tuple[str, str]] = collections.Counter()

    async def answer(self, peer: Peer, request: wire.Request) -> object:
        """The answer's value, or Refused."""
        refused = refusal_of(peer.name, request)
        if refused is not None:
            _warn("key_request_refused", peer, request, refused)
            return refused
        match request:
            case wire.OpenDataKeys():
                return await self._open(peer, request)
            case wire.NewDataKeys():
                return await self._new(request)
            case wire.Rewrap():
                return self._rewrap(request)
            case wire.IndexCards(scope=scope, pans=pans):
                return self._index(scope, pans)
            case wire.SignFacts(payloads=payloads):
                return self._sign(payloads)
            case wire.Anchor(name=name, revision=revision, root=root):
                return await self._anchors.anchor(name, revision, root)
            case wire.Anchored(name=name):
                held = self._anchors.anchored(name)
                return None if held is None else wire.AnchorHeld(held.revision, held.root)
            case wire.Rotate() | wire.Destroy() | wire.DestroyVersion() | wire.MarkCompromised():
                return await self._act(peer, request)
        return self._told(request)

    def _told(self, request: wire.FactsKeys | wire.States | wire.Budgets | wire.Ping) -> object:
        match request:
            case wire.FactsKeys():
                return [wire.FactsKey(*key) for key in self._keeper.use.facts_keys()]
            case wire.States():
                return self._states()
            case wire.Budgets():
                spent = self._budgets.spent()
                return [
                    wire.BudgetState(one.account, one.window, one.spent, one.limit, one.ends_at_us)
                    for one in spent
                ]
            case wire.Ping():
                kind, standing = self._keeper.root.kind, self._standing
                return wire.Pong(
                    paywarden.__version__, kind, standing.production, standing.memory_locked
                )
        typing.assert_never(request)

    async def _new(self, asked: wire.NewDataKeys) -> list[wire.NewDataKey]:
        await self._keeper.open_period(asked.purpose, asked.period)
        use, version = self._keeper.use, self._keeper.ring.active(asked.purpose).version
        self._count(asked.purpose, version, len(asked.contexts))
        made = [use.wrap(asked.scope, asked.purpose, asked.period, c) for c in asked.contexts]
        return [wire.NewDataKey(key, wrapped, version) for key, wrapped in made]

    async def _open(self, peer: Peer, asked: wire.OpenDataKeys) -> list[bytes] | Refused:
        refused = await self._budgets.spend(peer.name, len(asked.items))
        if refused is not None:
            _warn("decrypt_budget_exceeded", peer, asked, refused)
            return refused
        use, scope, purpose, period = self._keeper.use, asked.scope, asked.purpose, asked.period
        for item in asked.items:
            self._count(purpose, item.kek_version, 1)
        return [
            use.unwrap(scope, purpose, period, item.kek_version, item.context, item.wrapped)
            for item in asked.items
        ]

    def _rewrap(self, asked: wire.Rewrap) -> list[wire.Rewrapped]:
        use, scope, purpose = self._keeper.use, asked.scope, asked.purpose
        version = self._keeper.ring.active(purpose).version
        answer = []
        for item in asked.items:
            key = use.unwrap(
                scope, purpose, item.period, item.kek_version, item.context, item.wrapped
            )
            blob = use.wrap_again(scope, purpose, item.period, item.context, key)
            answer.append(wire.Rewrapped(blob, version))
        self._count(purpose, version, len(answer))
        return answer

    def _index(self, scope: str, pans: list[bytes]) -> list[list[wire.CardIndex]]:
        use = self._keeper.use
        self._count("index", self._keeper.ring.active("index").version, len(pans))
        return [[wire.CardIndex(*one) for one in use.index(scope, pan)] for pan in pans]

    def _sign(self, payloads: list[bytes]) -> list[wire.SignedFacts]:
        use = self._keeper.use
        self._count("facts", self._keeper.ring.active("facts").version, len(payloads))
        return [wire.SignedFacts(*use.sign(payload)) for payload in payloads]

    async def _act(self, peer: Peer, act: Act) -> int | bool | Refused:
        name = _name_of(act)
        action, subject = f"cde.keys.{_tag(act)}", f"{act.purpose}/{name}" if name else act.purpose
        if isinstance(act, wire.Destroy) and act.period >= month_of(self._clock.now_us()):
            return Refused("period_open", f"{act.period} is not over")
        now_us, make = self._clock.now_us(), self._keeper.make
        _changed(self._keeper.ring, act, name, now_us, make)  # an illegal act uses up no approval
        refused = await self._approvals.refusal(action, subject, act.grant)
        if refused is not None:
            _warn("key_act_refused", peer, act, refused)
            return refused
        ring = await self._keeper.change(lambda old: _changed(old, act, name, now_us, make))
        logger().warning("keys_changed", operation=_tag(act), key_id=subject, caller=peer.name)
        return ring.active(act.purpose).version if isinstance(act, wire.Rotate) else True

    def _states(self) -> list[wire.KeyState]:
        now_us = self._clock.now_us()
        return [
            wire.KeyState(
                purpose=key.purpose,
                name=key.name,
                state=key.status.value,
                algorithm=model.ALGORITHMS[key.purpose],
                check_value=key.check_value,
                created_at_us=key.created_at_us,
                activated_at_us=key.activated_at_us,
                deactivated_at_us=key.deactivated_at_us,
                destroyed_at_us=key.destroyed_at_us,
                cryptoperiod_days=key.cryptoperiod_days,
                uses=self._uses[key.purpose, key.name],
                alarm=key.alarm(now_us),
            )
            for key in self._keeper.ring.keys
        ]

    def _count(self, purpose: str, version: int, count: int) -> None:
        self._uses[purpose, str(version)] += count


def _changed(ring: model.Ring, act: Act, name: str, now_us: int, make: model.MakeKey) -> model.Ring:
    match act:
        case wire.Rotate():
            return model.rotated(ring, act.purpose, now_us, make)
        case wire.MarkCompromised():
            return model.compromised(ring, act.purpose, name, now_us, make)
        case wire.Destroy() | wire.DestroyVersion():
            return model.destroyed(ring, act.purpose, name, now_us)


def _name_of(act: Act) -> str:
    match act:
        case wire.Rotate():
            return ""
        case wire.Destroy():
            return act.period
        case wire.DestroyVersion() | wire.MarkCompromised():
            return str(act.version)


def _tag(request: object) -> str:
    """The operation's word on the wire."""
    return str(type(request).__struct_config__.tag)  # type: ignore[attr-defined]


def _warn(event: str, peer: Peer, request: object, refused: Refused) -> None:
    logger().warning(event, caller=peer.name, operation=_tag(request), code=refused.code)
