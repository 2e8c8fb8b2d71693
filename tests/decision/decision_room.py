"""A whole decision room in one process, with a small policy and a clock that stands still."""

# ruff: noqa: E501
from __future__ import annotations

import asyncio
import marshal
import random
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import to_datetime
from paywarden.core.scope import Scope
from paywarden.decision.approved_payloads import publication
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.decider import Decider
from paywarden.decision.events import Sending
from paywarden.decision.messages import ContinueRequest, Event, EventResult, Payment
from paywarden.decision.payments import Decided
from paywarden.decision.policy_upload import files_of_body
from paywarden.decision.ports import CompiledRuleset, ListedEntries
from paywarden.decision.replay import Replay, Replayed
from paywarden.decision.screening import refusal_of_files
from paywarden.decision.state import ScopeState
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.init import initialise
from paywarden.entrypoints.installation import Installation
from paywarden.entrypoints.settings import Settings
from paywarden.identity.approvals.catalogue import RULESET_PUBLISH
from paywarden.risk.features.observation import Observation
from paywarden.risk.rules.compile_child import ListsRequest, listed
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.file_pack import PolicyFiles, pack_files, unpack_files
from paywarden.risk.rules.reader import read_policy_files


async def publish(installation: Installation, scope: Scope, ruleset: str) -> int:
    """Publish as the first set-up does: in these rooms nobody is enrolled."""
    payload = publication(ruleset)
    seq: int = await installation.approvals.install(scope, RULESET_PUBLISH, payload, "tester")
    return seq


T0 = 1_795_309_323_000_000
SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000

POLICY: Mapping[str, bytes] = {
    "policy.yaml": b"""\
name: room
base_currency: EUR
thresholds:
  points: {challenge: 40, review: 70, block: 100}
segments:
  - name: money_out
    when: payment.type in ["transfer", "payout", "withdrawal"]
    challenge_unavailable: block
  - name: other
    when: "true"
    challenge_unavailable: review
scenarios:
  testing: Numbers are tried out
  known: Something took part in reported fraud
  amounts: Unusual amounts
  history: Windows that reach far back
reasons:
  TESTING: Too many declined payments on this card
  KNOWN: Linked to reported fraud
  LISTED: This card cannot be used
  LARGE: The amount is large
  OFTEN: Too many payments
lists:
  stolen_cards: card
""",
    "aggregates.yaml": b"""\
- {name: card_1h, function: count, by: [card], window: 1h, where: event.kind == "payment"}
- {name: card_before_1h, function: count, by: [card], window: 1h, where: event.kind == "payment", exclude_current: true}
- {name: card_sum_1d, function: sum, of: payment.amount_minor, by: [card], window: 1d, where: event.kind == "payment"}
- {name: card_declines_10m, function: count, by: [card], window: 10m, where: event.status == "declined"}
- {name: card_fraud_7d, function: count, by: [card], window: 7d, where: event.verdict == "fraud"}
- {name: merchant_fraud_30d, function: count, by: [merchant], window: 30d, where: event.verdict == "fraud"}
- {name: merchants_per_card_1d, function: distinct, of: merchant.id, by: [card], window: 1d, where: event.kind == "payment"}
- {name: payer_logins_1h, function: count, by: [payer], window: 1h, where: event.kind == "login"}
""",
    "rules/all.yaml": b"""\
- id: declines
  title: Many refusals on one card
  scenario: testing
  when: agg.card_declines_10m >= 3
  then: {outcome: block, reason: TESTING}
- id: fraud-card
  title: A card with a fraud report
  scenario: known
  when: agg.card_fraud_7d >= 1
  then: {points: 75, reason: KNOWN}
- id: fraud-merchant
  title: A merchant with many fraud reports
  scenario: testing
  when: agg.merchant_fraud_30d >= 5
  then: {points: 70, reason: KNOWN}
- id: listed-card
  title: A card on the list
  scenario: known
  hard: true
  when: card.fingerprint in lists.stolen_cards
  then: {outcome: block, reason: LISTED}
- id: large
  title: A large amount
  scenario: amounts
  when: payment.amount_minor >= 500000
  then: {points: 45, reason: LARGE}
- id: often
  title: A card pays often
  scenario: amounts
  when: agg.card_before_1h >= 6
  then: {points: 40, reason: OFTEN}
- id: many-merchants
  title: One card at many merchants
  scenario: testing
  when: agg.merchants_per_card_1d >= 4
  then: {points: 50, reason: TESTING}
- id: guessed
  title: Many logins just before
  scenario: known
  when: agg.payer_logins_1h >= 4
  then: {points: 30, reason: KNOWN}
""",
    "lists/stolen_cards.csv": b"value,reason,expires_at\ncard-on-file-list,reported,\n",
}
"""A policy that compiles in a moment, with one rule for each kind of input."""

WIDER: Mapping[str, bytes] = {
    **POLICY,
    "aggregates.yaml": POLICY["aggregates.yaml"]
    + b"""\
- {name: payer_30d, function: count, by: [payer], window: 30d, where: event.kind == "payment"}
- {name: card_max_90d, function: max, of: payment.amount_minor, by: [card], window: 90d, where: event.kind == "payment"}
- {name: pair_ever, function: count, by: [card, merchant], window: all, where: event.kind == "payment"}
""",
    "rules/wider.yaml": b"""\
- id: faithful-payer
  title: A payer with a long history
  scenario: history
  when: agg.payer_30d >= 3 && agg.payer_30d <= 50
  then: {points: 1, reason: OFTEN}
- id: faithful-payer-anyway
  title: The same, with whatever history there is
  scenario: history
  allow_partial: true
  when: agg.payer_30d >= 3 && agg.payer_30d <= 50
  then: {points: 2, reason: OFTEN}
- id: sure-already
  title: What a part of the history exceeds the whole exceeds
  scenario: history
  when: agg.payer_30d >= 3
  then: {points: 1, reason: OFTEN}
- id: more-than-ever
  title: More than ever before
  scenario: amounts
  when: agg.card_max_90d >= 400000
  then: {points: 41, reason: LARGE}
- id: pair
  title: The same pair again and again
  scenario: history
  when: agg.pair_ever >= 9
  then: {points: 3, reason: OFTEN}
""",
}
"""The same with windows that the first policy does not have."""

_RUNTIMES: dict[bytes, PolicyRuntime] = {}


def runtime_of(files: Mapping[str, bytes]) -> PolicyRuntime:
    """The compiled policy, made once per run."""
    name = msgspec.msgpack.encode(sorted(files.items()))
    if name not in _RUNTIMES:
        _RUNTIMES[name] = PolicyRuntime(compile_policy(read_policy_files(files)))
    return _RUNTIMES[name]


def packed(files: Mapping[str, bytes]) -> PolicyFiles:
    """Files as the desk takes them."""
    return PolicyFiles(pack_files(files))


class Chance:
    """Randomness from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def octets(self, count: int) -> bytes:
        return self._random.randbytes(count)


class Room:
    """One started installation and short names for what tests do with it."""

    def __init__(self, installation: Installation, clock: FixedClock) -> None:
        self.installation = installation
        self.clock = clock
        self.test, self.live = installation.scopes
        self._numbers = 1_000 * installation.ledger.next_seq  # new names after a restart

    @property
    def ledger(self) -> Any:
        return self.installation.ledger

    def state(self, scope: Scope | None = None) -> ScopeState:
        found: ScopeState = self.installation.ledger.states[scope or self.live]
        return found

    def payment(self, **changes: Any) -> Payment:
        """A plain payment that the policy allows."""
        self._numbers += 1
        given: dict[str, Any] = {
            "id": f"order-{self._numbers}",
            "type": "card_payment",
            "occurred_at": self.time(),
            "amount_minor": 1_000,
            "currency": "EUR",
            "merchant": {"id": "m_1", "mcc": "5732", "country": "DE"},
            "payer": {"id": "payer-1", "name": "Ann Example", "email": "ann@example.org"},
            "instrument": {"kind": "card", "reference": "card-1"},
        }
        given.update(changes)
        kept = {name: value for name, value in given.items() if value is not None}
        return msgspec.convert(kept, Payment)

    def time(self, shift_us: int = 0) -> Any:
        """An aware datetime, the clock's now plus microseconds."""
        return to_datetime(self.clock.now_us() + shift_us)

    async def decide(self, payment: Payment | None = None, scope: Scope | None = None,
                     **changes: Any) -> Decided:  # fmt: skip
        payment = payment or self.payment(**changes)
        intake = self.installation.payment_reader.payment(
            scope or self.live, payment, may_assert=True
        )
        return await self.installation.payments.decide(scope or self.live, intake, payment)

    def event(self, kind: str, **fields: Any) -> Event:
        self._numbers += 1
        given = {"id": f"ev-{self._numbers}", "kind": kind, "occurred_at": self.time(), **fields}
        return msgspec.convert(given, Event)

    async def send(self, *events: Event, scope: Scope | None = None, may_label: bool = True,
                   merchant: str | None = None, actor: str = "key:test") -> list[EventResult]:  # fmt: skip
        sending = Sending(actor, may_label, merchant)
        return await self.installation.events.take_in(scope or self.live, events, sending)

    async def label(self, payment_id: str, verdict: str, **fields: Any) -> EventResult:
        given = {"source": "chargeback", **fields}
        event = self.event("label", payment_id=payment_id, verdict=verdict, **given)
        return (await self.send(event))[0]

    async def go_on(self, first: Decided, result: str, **fields: Any) -> Decided:
        body = ContinueRequest(result=result, **fields)  # type: ignore[arg-type]
        occurred = None
        return await self.installation.payments.resume(first, result, occurred, body)

    async def publish(self, files: Mapping[str, bytes], scope: Scope | None = None) -> int:
        """Store and publish a policy that was compiled in this process."""
        self.installation.policies.keep(runtime_of(files))
        scope, policies = scope or self.live, self.installation.policies
        row, _fresh = await policies.create(scope, packed(files), "tester")
        return await publish(self.installation, scope, row.hash)

    def fields(self, decided: Decided) -> dict[str, Any]:
        """Every field of a decision that can still be read, by path."""
        entry, sealer = decided.entry, self.installation.sealer
        return sealer.open(decided.scope, decided.seq, entry.clear, entry.sealed)[0]

    def features(self, decided: Decided) -> dict[str, Any]:
        """Window values of a decision by name."""
        runtime = self.installation.policies.runtime(decided.entry.decider)
        assert runtime is not None
        return dict(zip(runtime.plan.names, decided.entry.aggregates, strict=True))

    def rules(self, decided: Decided) -> set[str]:
        """Ids of the rules that fired."""
        runtime = self.installation.policies.runtime(decided.entry.decider)
        assert runtime is not None
        return {runtime.compiled.rules[index].id for index in decided.entry.result.fired}

    def replay(self, **options: Any) -> list[Replayed]:
        """The whole log decided again."""
        own = self.installation

        def runtime(_scope: Scope, name: Decider) -> PolicyRuntime:
            found = own.policies.runtime(name)
            assert found is not None
            return found

        made = Replay(own.journal, own.history, own.sealer, runtime, own.list_digest, **options)
        return list(made.run(1, own.journal.head()))

    def observations(self, scope: Scope | None = None) -> list[Observation]:
        """Every observation of the log."""
        own = self.installation
        return list(own.history.observations(scope or self.live, 0, own.journal.head()))


@asynccontextmanager
async def opened(home: Path, *, now_us: int = T0, seed: int = 1, files: Mapping[str, bytes] = POLICY,
                 settings: Settings | None = None) -> AsyncIterator[Room]:  # fmt: skip
    """A room over an existing home; closed at the end whatever happens."""
    place = Home(home)
    clock = FixedClock(now_us)
    installation = Installation(place, settings or place.settings({}), clock, Chance(seed))
    installation.compiler = _InProcess()  # type: ignore[assignment]
    installation.policies._compiler = installation.compiler
    for known in (POLICY, WIDER, files):
        installation.policies.keep(runtime_of(known))
    await installation.start()
    try:
        yield Room(installation, clock)
    finally:
        await installation.stop()


class _InProcess:
    """Compiles here: a child process for each test would be most of its time."""

    async def compile(self, files: PolicyFiles) -> CompiledRuleset:
        if files.sent:
            sent = files_of_body(files.octets)
            return CompiledRuleset(runtime_of(sent), pack_files(sent))
        return CompiledRuleset(runtime_of(unpack_files(files.octets)), files.octets)

    async def lists(self, kinds: Mapping[str, str], packed: bytes) -> ListedEntries:
        found: dict[str, list[Any]] = {}
        for part in listed(msgspec.msgpack.encode(ListsRequest(dict(kinds), packed))):
            name, entries = marshal.loads(part)
            found.setdefault(name, []).extend(entries)
        return found

    async def screen(self, raw: bytes) -> InvalidRequest | None:
        return refusal_of_files(raw)

    async def close(self) -> None:
        return None


def make_home(folder: Path, files: Mapping[str, bytes] = POLICY) -> Path:
    """A new home with the policy published in both environments."""
    policy = folder / "policy"
    for path, content in files.items():
        (policy / path).parent.mkdir(parents=True, exist_ok=True)
        (policy / path).write_bytes(content)
    home = folder / "home"
    asyncio.run(initialise(Home(home), policy))
    return home


def copy_home(template: Path, to: Path) -> Path:
    """A copy with its own database."""
    return Path(shutil.copytree(template, to))


def snapshot(room: Room, scope: Scope | None = None) -> dict[str, Any]:
    """Everything that decides, read out without changing it; equal snapshots decide alike."""
    state = room.state(scope)
    windows = state.windows
    seen = room.observations(scope)
    keys = sorted({one.keys for one in seen})
    at = max((one.t_us for one in seen), default=0)
    probes: dict[Any, Any] = {}
    if windows is not None:
        for after in (0, MINUTE, HOUR, DAY, 8 * DAY):
            probes[after] = [windows.read(one, at + after) for one in keys]
    companions = {
        name: {after: [held.fields(one, at + after) for one in keys]
               for after in (0, MINUTE, 40 * DAY)}
        for name, held in state.companions.kept
    }  # fmt: skip
    lists = {
        name: (held.kind.value, len(held), held.version, held.digest())
        for name, held in state.all_lists.of(state.scope).items()
    }
    return {
        "ruleset": state.ruleset,
        "clock": state.ticker.t_us,
        "lists": lists,
        "lists_seq": state.lists_seq,
        "labels": {one.identity: state.labels.get(one.identity)
                   for one in seen if one.identity},
        "identities": {one.identity: state.identities.get(one.identity)
                       for one in seen if one.identity},
        "probes": probes,
        "companions": companions,
        "next": room.ledger.next_seq,
    }  # fmt: skip
