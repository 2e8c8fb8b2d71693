"""Tokens: their forms, what is stable, what is drawn anew, what facts say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paywarden.cde.frame_format import Refused
from paywarden.cde.vault import wire
from paywarden.cde_client.facts import TENANT_WIDE, CardFacts, read_facts
from paywarden.reference.card_numbers import looks_like_card_number, luhn_valid
from vault_kit import MERCHANT, SCOPE, House, card_number, given, spread_card


@pytest.fixture
async def house(tmp_path: Path):
    house = House(tmp_path)
    await house.start()
    yield house
    await house.stop()


async def test_a_card_comes_back_through_its_token(house: House) -> None:
    pan = spread_card(1)
    made = await house.token(pan)
    assert re.fullmatch(r"tk_test_[0-9A-Za-z]{22}", made.token)
    assert re.fullmatch(r"fp_[0-9A-Za-z]{22}", made.fingerprint)
    taken = await house.take(made.token)
    assert isinstance(taken, wire.Taken)
    assert house.opened(taken) == pan
    assert (await house.describe(made.token))[0].token == made.token


async def test_facts_are_signed_and_say_no_number(house: House) -> None:
    made = await house.token(card_number(7))
    facts = read_facts(made.facts, {"twin": house.agent.public})
    assert isinstance(facts, CardFacts)
    assert (facts.token, facts.fingerprint) == (made.token, made.fingerprint)
    assert (facts.bin, facts.brand, facts.expiry) == ("41111100", "visa", "2028-05")
    assert (facts.scope, facts.merchant) == (SCOPE, MERCHANT)
    assert card_number(7).decode() not in str(facts) + made.facts


async def test_a_token_of_the_tenant_itself_names_no_merchant(house: House) -> None:
    pan = spread_card(9)
    bound = await house.token(pan)
    (wide,) = await house.tokenise(given(pan), merchant=TENANT_WIDE)
    assert isinstance(wide, wire.TokenMade)
    assert wide.token != bound.token
    assert wide.fingerprint == bound.fingerprint
    facts = read_facts(wide.facts, {"twin": house.agent.public})
    assert isinstance(facts, CardFacts)
    assert facts.merchant is None
    refused = await house.take(wide.token)  # by a merchant
    assert isinstance(refused, Refused) and refused.code == "token_unknown"
    refused = await house.take(bound.token, merchant=TENANT_WIDE)
    assert isinstance(refused, Refused) and refused.code == "token_unknown"
    taken = await house.take(wide.token, merchant=TENANT_WIDE)
    assert isinstance(taken, wire.Taken)
    assert house.opened(taken) == pan


async def test_a_multi_use_token_is_stable_unless_asked_anew(house: House) -> None:
    pan = spread_card(2)
    first = await house.token(pan)
    again = await house.token(pan)
    assert (again.token, again.existing) == (first.token, True)
    anew = await house.token(pan, anew=True)
    assert anew.token != first.token and not anew.existing
    renewed = await house.token(pan, expiry="2031-01")
    assert renewed.token != first.token
    assert {first.fingerprint, again.fingerprint, anew.fingerprint} == {renewed.fingerprint}


async def test_one_request_may_hold_a_card_twice(house: House) -> None:
    pan = spread_card(3)
    one, two, other = await house.tokenise(given(pan), given(pan), given(spread_card(4)))
    assert one.token == two.token != other.token
    assert one.fingerprint == two.fingerprint != other.fingerprint


async def test_a_fingerprint_is_of_the_scope_and_not_derived(house: House, tmp_path: Path) -> None:
    pan = spread_card(5)
    here = await house.token(pan)
    (other_shop,) = await house.tokenise(given(pan), merchant="shop-2")
    (other_scope,) = await house.tokenise(given(pan), scope="other/live")
    assert here.fingerprint == other_shop.fingerprint != other_scope.fingerprint
    assert len({here.token, other_shop.token, other_scope.token}) == 3
    assert other_scope.token.startswith("tk_live_")
    second = House(tmp_path / "second")  # same agent keys, another vault: another draw
    await second.start()
    assert (await second.token(pan)).fingerprint != here.fingerprint
    await second.stop()


async def test_a_numeric_token_is_never_a_card(house: House) -> None:
    for n, pan in enumerate([spread_card(6), b"378282246310005", b"6212345678901232"]):
        answer = (await house.tokenise(given(pan, form="numeric")))[0]
        if isinstance(answer, wire.TokenRefused):
            assert n == 2  # that one may fail its own check digit
            continue
        token = answer.token
        assert re.fullmatch(r"0[0-9]{15,18}", token) and token.endswith(pan[-4:].decode())
        assert not luhn_valid(token) and not looks_like_card_number(token)
        again = await house.token(pan, form="numeric")
        assert again.token == token
        assert house.opened(await house.take(token)) == pan


async def test_refusals_stand_beside_tokens(house: House) -> None:
    answers = await house.tokenise(
        given(b"4111111111111112"), given(spread_card(8)), given(spread_card(9), expiry="2020-01"),
        given(spread_card(9), cvv=b"12"),
    )  # fmt: skip
    codes = [getattr(answer, "code", None) for answer in answers]
    assert codes == ["card_number_check_digit", None, "card_expired", "card_code_malformed"]


async def test_a_single_use_token_lasts_fifteen_minutes(house: House) -> None:
    made = await house.token(spread_card(10), form="ot")
    assert made.token.startswith("ot_test_")
    house.clock.advance(899)
    assert isinstance((await house.describe(made.token))[0], wire.TokenMade)
    house.clock.advance(1)
    assert (await house.describe(made.token))[0].code == "token_expired"
    answer = await house.take(made.token)
    assert isinstance(answer, Refused) and answer.code == "token_expired"


async def test_an_index_key_may_rotate(house: House) -> None:
    pan = spread_card(11)
    before = await house.token(pan)
    house.agent.index_versions = [2, 1]
    during = await house.token(pan)
    house.agent.index_versions = [2]
    after = await house.token(pan)
    assert before.fingerprint == during.fingerprint == after.fingerprint


async def test_everything_is_there_after_a_restart(house: House) -> None:
    pan = spread_card(12)
    made = await house.token(pan)
    await house.restart()
    assert (await house.token(pan)).token == made.token
    assert house.opened(await house.take(made.token)) == pan
