"""Errors: code, place and text travel together; kinds can be told apart by fault."""

from __future__ import annotations

import pytest

from paywarden.core import errors


def test_text_names_code_detail_and_place() -> None:
    error = errors.InvalidRequest("amount_negative", "an amount is never negative", pointer="/a/0")
    assert str(error) == "amount_negative: an amount is never negative (at /a/0)"
    assert (error.code, error.detail, error.pointer) == (
        "amount_negative",
        "an amount is never negative",
        "/a/0",
    )


def test_without_a_place_none_is_named() -> None:
    error = errors.NotFound("decision_not_found", "no such decision")
    assert str(error) == "decision_not_found: no such decision"
    assert error.pointer is None


def test_a_limit_says_when_to_come_back() -> None:
    assert errors.LimitExceeded("rate", "slow down").retry_after_seconds == 1
    assert errors.LimitExceeded("rate", "slow down", retry_after_seconds=30).code == "rate"


@pytest.mark.parametrize("narrow", [errors.Unparsable, errors.TooLarge])
def test_broken_and_oversized_input_are_the_callers_fault(
    narrow: type[errors.InvalidRequest],
) -> None:
    with pytest.raises(errors.InvalidRequest):
        raise narrow("code", "detail")


def test_faults_of_different_sides_are_not_one_another() -> None:
    kinds = [
        errors.InvalidRequest,
        errors.NotAuthenticated,
        errors.NotPermitted,
        errors.NotFound,
        errors.Conflict,
        errors.LimitExceeded,
        errors.Unavailable,
        errors.Corrupt,
    ]
    for kind in kinds:
        error = kind("code", "detail")
        assert isinstance(error, errors.PaywardenError)
        assert [other for other in kinds if isinstance(error, other)] == [kind]
