"""A merchant, its webhooks and its answers never tell that a party is listed (FATF R.21, EU AMLR).

What a merchant can get of a payment that AML held is compared with what it gets of one that a rule
of fraud held without a reason of its own: they have the same fields and the same words.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "decision"))

from decision_room import Room, make_home, opened
from screening_room import SCREENING, screened, transfer

from paywarden.decision.messages import DecisionAnswer, DecisionView
from paywarden.decision.payments import Decided

POLICY = {
    **SCREENING,
    "policy.yaml": SCREENING["policy.yaml"].replace(
        b"scenarios:\n", b"scenarios:\n  structuring: {text: Amounts are split, engine: aml}\n"
    ),
    "rules/plain.yaml": b"""\
- id: plain-hold
  title: Held without a reason of its own
  scenario: amounts
  when: payment.amount_minor == 4242
  then: {outcome: review}
- id: split-amounts
  title: Amounts just below a threshold
  scenario: structuring
  when: payment.amount_minor == 99900
  then: {actions: [{alert: {severity: high, text: Structuring suspected}}]}
""",
}
TELLTALE = (
    "screening", "listed", "sanction", "quarzenberg", "aml", "structuring", "split", "pep",
    "travel",
)  # fmt: skip


@pytest.fixture
def own_home(tmp_path: Path) -> Path:
    return Path(make_home(tmp_path))


@pytest.fixture
async def room(own_home: Path) -> Any:
    home = own_home
    async with opened(home) as made:
        yield await screened(made, home, POLICY)


def told(room: Room) -> list[dict[str, Any]]:
    """Every webhook message about decisions."""
    rows = room.installation.reader.rows(
        "SELECT body FROM outbox WHERE topic = 'decision.recorded' ORDER BY id", ()
    )
    return [json.loads(body) for (body,) in rows]


def answers(room: Room, decided: Decided) -> list[DecisionAnswer | DecisionView]:
    views, reasons = room.installation.views, {}
    return [views.answer(decided, reasons), views.merchant(decided, reasons)]


def clean(value: Any) -> bool:
    text = json.dumps(value, default=str).lower()
    return not any(word in text for word in TELLTALE)


async def test_answers_have_the_same_words_as_those_of_another_hold(room: Room) -> None:
    aml = await room.decide(
        transfer(room, payee={"id": "p", "name": "Zoltan Quarzenberg"}, merchant={"id": "m"})
    )
    plain = await room.decide(
        transfer(room, payee={"id": "p", "name": "Ben"}, amount_minor=4_242, merchant={"id": "m"})
    )
    for one, other in zip(answers(room, aml), answers(room, plain), strict=True):
        assert (one.outcome, one.points, one.reasons) == ("review", 0, other.reasons)
        assert (one.advice, one.degraded, one.required_action) == (
            other.advice, other.degraded, other.required_action,
        )  # fmt: skip
        assert clean([one.outcome, one.points, [r.code for r in one.reasons], one.degraded])
    first, second = told(room)
    same = set(first) - {"id", "payment_id", "log_sequence"}
    assert {key: first[key] for key in same} == {key: second[key] for key in same}


async def test_webhooks_of_merchants_tell_no_alert_of_aml(room: Room) -> None:
    decided = await room.decide(transfer(room, amount_minor=99_900, merchant={"id": "m"}))
    assert room.rules(decided) == {"split-amounts"}
    assert told(room) == []
    held = await room.decide(
        transfer(room, amount_minor=99_900, merchant={"id": "m", "name": "Brackwater Orchid Ltd"})
    )
    assert held.entry.result.answer.word == "review"
    (message,) = told(room)
    assert clean(message) and "alerts" not in message


async def test_the_contract_of_answers_has_no_field_for_it() -> None:
    for form in (DecisionAnswer, DecisionView):
        fields = set(form.__struct_fields__) - {"record"}
        assert clean(sorted(fields))
