"""Logs: only listed keys, no long digit runs, no values of strange types, secrets stay secret."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.secret import Secret
from paywarden.kit.log import ALLOWED_KEYS, allow_listed, configure, logger


@pytest.fixture
def sink() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure(stream, "debug")
    yield stream
    structlog.reset_defaults()


def line(sink: io.StringIO) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(sink.getvalue().splitlines()[-1])
    return read


def test_a_line_is_one_json_object(sink: io.StringIO) -> None:
    logger().info("decision_recorded", seq=7, outcome="block")
    found = line(sink)
    assert (found["event"], found["seq"], found["outcome"]) == ("decision_recorded", 7, "block")
    assert found["level"] == "info"
    assert found["timestamp"].endswith("Z")


def test_keys_that_are_not_listed_are_dropped_and_counted(sink: io.StringIO) -> None:
    logger().info("x", email="ann@example.org", name="Ann", seq=1)
    assert line(sink)["dropped_keys"] == 2
    assert "ann" not in sink.getvalue().lower().replace("dropped", "")


@pytest.mark.parametrize(
    "text", ["4111111111111111", "card 4111 1111 1111 1111!", "4111-1111-1111-1111", "1" * 60]
)
def test_long_digit_runs_are_cut_under_any_key(sink: io.StringIO, text: str) -> None:
    logger().info("x", reason=text, code=[text], error=(text,))
    assert "1111" not in sink.getvalue()
    assert "[digits]" in line(sink)["reason"]


def test_the_name_of_an_event_is_cut_as_well(sink: io.StringIO) -> None:
    logger().info("paid 4111111111111111")
    assert "4111" not in sink.getvalue()


def test_secrets_and_objects_show_their_type_only(sink: io.StringIO) -> None:
    logger().info("x", reason=Secret("hush"), error={"name": "Ann"}, place=ValueError("Ann"))
    assert "hush" not in sink.getvalue()
    assert "Ann" not in sink.getvalue()
    assert line(sink)["error"] == "dict"


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=8))
def test_nothing_but_listed_keys_gets_through(event: dict[str, str]) -> None:
    kept = allow_listed(None, "info", {"event": "x", **event})
    assert set(kept) <= ALLOWED_KEYS | {"dropped_keys"}
