"""Callers who try: foreign tokens, guesses, replays, the oracle of fingerprints, wrong doors."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from paywarden.cde.frame_format import Refused
from paywarden.cde.frames import Peer
from paywarden.cde.vault import wire
from paywarden.cde.vault.caps import CapLimits
from paywarden.cde.vault.purging import Retention
from paywarden.cde.vault.service import PERMITTED, VaultLimits
from paywarden.core.errors import Unavailable
from paywarden.reference.card_numbers import luhn_check_digit
from vault_kit import EDGE, MERCHANT, SCOPE, House, given, spread_card


@pytest.fixture
async def house(tmp_path: Path):
    house = House(tmp_path)
    await house.start()
    yield house
    await house.stop()


async def test_foreign_unknown_and_senseless_tokens_answer_alike(house: House) -> None:
    mine = await house.token(spread_card(1))
    single = await house.token(spread_card(2), form="ot")
    spent = await house.token(spread_card(3), form="ot")
    await house.take(spent.token)
    numeric = await house.token(spread_card(4), form="numeric")
    guesses = [
        "tk_test_" + "0" * 22,
        "0" * 16,
        "x",
        "tk_test_' OR 1=1 --",
        "٤" * 16,
        "fp_" + "1" * 22,
    ]
    asked = [mine.token, single.token, spent.token, numeric.token, *guesses]
    by_stranger = await house.describe(*asked, merchant="shop-evil")
    elsewhere = await house.describe(*asked, scope="acme/live")
    assert {answer.code for answer in (*by_stranger, *elsewhere)} == {"token_unknown"}
    for token in asked:
        answer = await house.take(token, merchant="shop-evil")
        assert answer == Refused("token_unknown", "this merchant has no such token")
        gone = await house.vault.handle(EDGE, wire.Delete(SCOPE, "shop-evil", token))
        assert gone == answer
    assert isinstance((await house.describe(mine.token))[0], wire.TokenMade)


async def test_a_single_use_token_opens_once(house: House) -> None:
    made = await house.token(spread_card(5), form="ot", cvv=b"123")
    answers = await asyncio.gather(*(house.take(made.token, want_cvv=True) for _ in range(20)))
    taken = [one for one in answers if isinstance(one, wire.Taken)]
    assert len(taken) == 1 and taken[0].cvv == b"123" and taken[0].single_use
    assert {one.code for one in answers if isinstance(one, Refused)} == {"token_spent"}
    assert house.opened(taken[0]) == spread_card(5)
    await house.restart()
    assert (await house.take(made.token)).code == "token_spent"
    assert (await house.describe(made.token))[0].code == "token_spent"


async def test_a_code_is_given_once_and_not_after_its_time(house: House) -> None:
    made = await house.token(spread_card(6), cvv=b"4321")
    first = await house.take(made.token, want_cvv=True)
    second = await house.take(made.token, want_cvv=True)
    assert (first.cvv, second.cvv) == (b"4321", None)
    await house.token(spread_card(6), cvv=b"4321")
    house.clock.advance(900)
    assert (await house.take(made.token, want_cvv=True)).cvv is None
    await house.token(spread_card(6), cvv=b"4321")
    await house.restart()  # memory only
    assert (await house.take(made.token, want_cvv=True)).cvv is None


async def test_a_deleted_token_stays_gone_and_its_key_with_it(house: House) -> None:
    made = await house.token(spread_card(7))
    taken = await house.take(made.token)
    gone = await house.vault.handle(EDGE, wire.Delete(SCOPE, MERCHANT, made.token))
    assert isinstance(gone, wire.Deleted)
    assert (await house.describe(made.token))[0].code == "token_unknown"
    assert taken.wrapped not in b"".join(p.read_bytes() for p in house.folder.glob("*keys.db"))
    again = await house.token(spread_card(7))
    assert again.token != made.token and again.fingerprint == made.fingerprint


@pytest.mark.parametrize("asked", list(PERMITTED))
@pytest.mark.parametrize("name", ["edge", "egress", "operator", "vault", "api", ""])
async def test_each_caller_has_its_own_doors(house: House, asked: type, name: str) -> None:
    samples = {
        wire.Tokenise: wire.Tokenise(SCOPE, MERCHANT, "key_1", [given(spread_card(1))]),
        wire.Describe: wire.Describe(SCOPE, MERCHANT, ["x"]),
        wire.Delete: wire.Delete(SCOPE, MERCHANT, "x"),
        wire.TakeForUse: wire.TakeForUse(SCOPE, MERCHANT, "x", False, "forward"),
    }
    answer = await house.vault.handle(Peer(0, 9, name), samples.get(asked) or asked())
    shut = isinstance(answer, Refused) and answer.code == "operation_not_permitted"
    assert shut == (name not in PERMITTED[asked])


def alike(n: int) -> bytes:
    """Numbers of one BIN and last four: what is left to somebody who knows facts."""
    body = f"41111100{n:03d}"
    for digit in "0123456789":
        if luhn_check_digit(body + digit + "123") == "4":
            return (body + digit + "1234").encode()
    raise AssertionError("one digit fits")


def capped(**limits: int) -> VaultLimits:
    return VaultLimits(CapLimits(**limits), Retention())


async def test_fingerprints_are_no_oracle(tmp_path: Path) -> None:
    house = House(tmp_path, capped(per_look=5, per_look_scope=20))
    await house.start()
    wanted = (await house.token(alike(617))).fingerprint
    found, codes = [], []
    for start in range(0, 1_000, 100):
        answers = await house.tokenise(*(given(alike(n)) for n in range(start, start + 100)),
                                       caller="key_evil")  # fmt: skip
        found += [one for one in answers if isinstance(one, wire.TokenMade)]
        codes += [one.code for one in answers if isinstance(one, wire.TokenRefused)]
    assert len(found) == 5 and set(codes) == {"card_cap_alike"}
    assert wanted not in {one.fingerprint for one in found}
    # What another caller showed within the hour is refused like any other: no oracle in the cap.
    one = (await house.tokenise(given(alike(617)), caller="key_evil"))[0]
    assert one.code == "card_cap_alike"
    assert (await house.token(alike(617))).fingerprint == wanted
    await house.restart()
    one = (await house.tokenise(given(alike(700)), caller="key_evil"))[0]
    assert one.code == "card_cap_alike"
    house.clock.advance(3_601)
    one = (await house.tokenise(given(alike(700)), caller="key_evil"))[0]
    assert isinstance(one, wire.TokenMade)
    await house.stop()


async def test_many_callers_of_a_scope_are_counted_together(tmp_path: Path) -> None:
    house = House(tmp_path, capped(per_look=5, per_look_scope=20))
    await house.start()
    made = 0
    for caller in range(10):
        cards = [given(alike(10 * caller + n)) for n in range(5)]
        answers = await house.tokenise(*cards, caller=f"key_{caller}")
        made += sum(isinstance(one, wire.TokenMade) for one in answers)
    assert made == 20
    await house.stop()


async def test_card_testing_meets_the_caller_cap(tmp_path: Path) -> None:
    house = House(tmp_path, capped(per_caller=30))
    await house.start()
    answers = await house.tokenise(*(given(spread_card(n)) for n in range(60)))
    assert [getattr(one, "code", None) for one in answers[30:]] == ["card_cap_caller"] * 30
    (other,) = await house.tokenise(given(spread_card(59)), caller="key_2")
    assert isinstance(other, wire.TokenMade)
    await house.stop()


@pytest.mark.parametrize(
    "call", ["index_cards", "new_data_keys", "anchor:vault/intent", "anchor:vault/root"]
)
async def test_without_the_agent_nothing_is_promised(house: House, call: str) -> None:
    before = await house.token(spread_card(1))
    house.agent.fail_next = call
    with pytest.raises(Unavailable):
        await house.token(spread_card(2))
    after = await house.token(spread_card(2))  # the fault is over: service goes on
    assert house.opened(await house.take(after.token)) == spread_card(2)
    await house.restart()
    assert (await house.token(spread_card(1))).token == before.token
    assert (await house.token(spread_card(2))).token == after.token


async def test_a_vault_without_its_agent_does_not_start(house: House) -> None:
    await house.token(spread_card(1))
    await house.stop()
    house.agent.gone = True
    with pytest.raises(Unavailable, match="cde_unreachable"):
        await house.start()
    house.agent.gone = False
    await house.start()


async def test_an_error_names_no_digit(house: House) -> None:
    for wrong in (b"4111111111111112", b"41111111", "４１１１".encode(), b"\xff" * 20):
        answer = (await house.tokenise(given(wrong)))[0]
        assert wrong.decode("utf-8", "replace")[:4] not in answer.code
    asked = wire.Tokenise(SCOPE, MERCHANT, "k", [given(b"4111111111111111", cvv=b"917")])
    assert "4111" not in f"{asked!r} {asked}" and "917" not in repr(asked.cards)
