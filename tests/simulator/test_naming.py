"""Names are unique, opaque, and the same by either road; streams depend on names alone."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.core.errors import InvalidRequest
from paywarden.simulator.naming import name, names, space
from paywarden.simulator.streams import Streams


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**63 - 1), st.lists(st.integers(0, 2**60 - 1), min_size=1, max_size=40))
def test_many_names_equal_single_names(seed: int, numbers: list[int]) -> None:
    many = names(seed, "cards", "card-", np.array(numbers, dtype=np.int64)).to_list()
    assert many == [name(seed, "cards", "card-", number) for number in numbers]
    assert all(re.fullmatch("card-[a-z2-7]{12}", text) for text in many)


def test_numbers_never_share_a_name() -> None:
    numbers = np.concatenate(
        [space("world", 0) + np.arange(200_000), space("card_testing", 3) + np.arange(50_000)]
    )
    assert names(9, "payments", "pay-", numbers).n_unique() == len(numbers)


def test_absent_things_have_no_name() -> None:
    assert names(1, "cards", "card-", np.array([-1, 4])).to_list()[0] is None


def test_too_many_campaigns_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="simulation_too_large"):
        space("card_testing", 4_096)


def test_streams_depend_on_name_and_seed_only() -> None:
    first = Streams(7)
    first.generator("other").random(100)
    again = Streams(7).generator("people").random(5)
    assert (first.generator("people").random(5) == again).all()
    assert (Streams(8).generator("people").random(5) != again).all()
    assert (Streams(7).generator("person").random(5) != again).all()
    with pytest.raises(InvalidRequest):
        Streams(2**63)
