"""Login names: one form, a small alphabet, no look-alikes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.errors import InvalidRequest
from paywarden.identity.login_names import canonical, fold, skeleton

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{1,20}[a-z0-9]", fullmatch=True)


@given(NAMES)
def test_good_names_are_their_own_form(name: str) -> None:
    assert canonical(name) == name == canonical(f" {name.upper()} ")


@given(st.text(max_size=200))
def test_any_text_is_a_name_or_refused_and_never_a_fault(text: str) -> None:
    try:
        name = canonical(text)
    except InvalidRequest as refusal:
        assert refusal.code == "login_invalid"
        return
    assert name.isascii()
    assert canonical(name) == name
    assert skeleton(name) == skeleton(text)


@pytest.mark.parametrize(
    "name",
    ["аnn.lee", "annа", "ann\u200blee", "аnn", "ann lee", "an", ".ann", "ann-", "a" * 64, "ann\n.x",
     "ann\u0301e", "ѕecurity", "\u202eann", "ＡＮＮ\u0430"],
)  # fmt: skip
def test_mixed_scripts_and_invisible_characters_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        canonical(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [("paul", "pau1"), ("paul", "paui"), ("root", "r00t"), ("modern", "modem"), ("vvood", "wood"),
     ("ann.lee", "annlee"), ("ann-lee", "ann_lee"), ("cloud", "doud"), ("s5s", "555")],
)  # fmt: skip
def test_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)
    assert fold(one) != fold(other)
