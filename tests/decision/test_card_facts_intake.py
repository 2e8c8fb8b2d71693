"""A token in a payment: its signed facts name the card, and count for nobody else."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paywarden.cde_client.facts import CardFacts, payload_of, signed_octets, text_of
from paywarden.cde_client.facts_keys import facts_keys_of, facts_keys_text
from paywarden.core.errors import InvalidRequest
from paywarden.core.scope import Environment, Scope
from paywarden.decision.card_facts import KEPT, KnownFacts
from paywarden.decision.intake import PaymentReader
from paywarden.decision.messages import Event, Instrument, Merchant, Payment
from paywarden.entrypoints.facts_keys import FactsKeyFile

SCOPE = Scope("default", Environment.TEST)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {"fk_1": KEY.public_key().public_bytes_raw()}
TOKEN = "tk_test_0123456789abcdefABCDEF"
FACTS = CardFacts(
    TOKEN, "fp_0123456789abcdefABCDEF", "411111", "1111", "visa", "2030-04", None, None,
    "default/test", "m_42", 1_790_000_000,
)  # fmt: skip


def text(**changes: Any) -> str:
    payload = payload_of(dataclasses.replace(FACTS, **changes))
    return text_of(payload, "fk_1", KEY.sign(signed_octets(payload)))


def reader() -> PaymentReader:
    return PaymentReader(lambda name: "h_" + name[-4:], lambda code: True, KnownFacts(lambda: KEYS))


def payment(merchant: str | None = "m_42", **instrument: Any) -> Payment:
    return Payment(
        id="p",
        type="card_payment",
        occurred_at=datetime(2026, 11, 1, tzinfo=UTC),
        amount_minor=100,
        currency="EUR",
        merchant=None if merchant is None else Merchant(id=merchant),
        instrument=Instrument("card", **{"token": TOKEN, "facts": text(), **instrument}),
    )


def code_of(sent: Payment, scope: Scope = SCOPE) -> str:
    with pytest.raises(InvalidRequest) as refused:
        reader().payment(scope, sent, may_assert=False, pointer="/payment")
    assert (refused.value.pointer or "").startswith("/payment/instrument")
    return refused.value.code


def test_a_key_that_may_assert_nothing_sends_a_token() -> None:
    fields = reader().payment(SCOPE, payment(), may_assert=False).fields
    assert fields["card.fingerprint"] == FACTS.fingerprint
    assert (fields["card.bin"], fields["card.last4"]) == ("411111", "1111")
    assert fields["card.expiry"] == "2030-04"
    assert not any(TOKEN in str(value) for value in fields.values())


def test_facts_of_a_whole_tenant_count_for_every_merchant() -> None:
    sent = payment(None, facts=text(merchant=None))
    assert reader().payment(SCOPE, sent, may_assert=False).fields["card.bin"] == "411111"


@pytest.mark.parametrize(
    "sent",
    [
        payment(token=TOKEN[:-1] + "0"),
        payment("m_43"),
        payment(None),
        payment(facts=text(scope="default/live")),
        payment(facts=text(scope="other/test")),
        payment(facts="x"),
        payment(facts=text()[:-1] + "!"),
    ],
)
def test_facts_of_another_are_one_refusal(sent: Payment) -> None:
    assert code_of(sent) == "card_facts_refused"


@pytest.mark.parametrize(
    "sent",
    [
        payment(token=None),
        payment(facts=None),
        payment(reference="card-1"),
        payment(bin="411111"),
        payment(last4="1111"),
        payment(expiry="2030-04"),
    ],
)
def test_token_and_facts_stand_together_and_alone(sent: Payment) -> None:
    assert code_of(sent) == "card_facts_incomplete"


def test_events_speak_of_tokens_too() -> None:
    event = Event(
        "e", "login", datetime(2026, 11, 1, tzinfo=UTC), merchant=Merchant(id="m_42"),
        instrument=Instrument("card", token=TOKEN, facts=text()),
    )  # fmt: skip
    fields = reader().event(SCOPE, event, "/events/0").fields
    assert fields["card.fingerprint"] == FACTS.fingerprint


def test_a_key_that_was_taken_out_vouches_for_nothing() -> None:
    keys = dict(KEYS)
    known = KnownFacts(lambda: keys)
    instrument = Instrument("card", token=TOKEN, facts=text())
    assert known.of(SCOPE, "m_42", instrument, "/payment") == FACTS
    keys.clear()
    with pytest.raises(InvalidRequest, match="not known here"):
        known.of(SCOPE, "m_42", instrument, "/payment")


def test_what_is_remembered_is_bounded() -> None:
    known = KnownFacts(lambda: KEYS)
    known._verified_by = dict(KEYS)
    known._verified.update({str(number): FACTS for number in range(KEPT)})
    known.of(SCOPE, "m_42", Instrument("card", token=TOKEN, facts=text()), "/payment")
    assert len(known._verified) == KEPT and "0" not in known._verified


def test_the_key_file_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "facts.keys"
    keys = FactsKeyFile(path)
    assert keys() == {}
    path.write_text("# keys of the environment\n" + facts_keys_text(KEYS))
    assert keys() == KEYS
    path.write_text(facts_keys_text({**KEYS, "fk_2": b"\2" * 32}))
    assert set(keys()) == {"fk_1", "fk_2"}
    path.write_text("fk_1 broken")
    assert keys() == {}
    path.unlink()
    assert keys() == {}


@pytest.mark.parametrize("line", ["fk_1", "fk.1 AA==", "fk_1 AA== x", "fk_1 A", "fk_1 " + "A" * 40])
def test_a_broken_key_file_is_refused_whole(line: str) -> None:
    with pytest.raises(ValueError, match=r"key|long"):
        facts_keys_of((facts_keys_text(KEYS) + line).encode())
