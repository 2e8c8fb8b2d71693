"""The histograms of the hot path: same buckets and text as the client library's own."""

from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from paywarden.kit.latencies import Latencies

BOUNDS = (0.001, 0.01, 0.1, 1.0)
SEEN = (0.0, 0.0005, 0.001, 0.0011, 0.01, 0.05, 0.1, 0.2, 1.0, 7.5)


def text_of(registry: CollectorRegistry) -> str:
    """Exposition text without the instants of creation, which say nothing of what was seen."""
    text = generate_latest(registry).decode()
    return "\n".join(line for line in text.splitlines() if not re.search("_created", line))


def test_text_equals_that_of_the_library() -> None:
    own, theirs = CollectorRegistry(), CollectorRegistry()
    made = Latencies("a_seconds", "Time of a", BOUNDS)
    own.register(made)
    other = Histogram("a_seconds", "Time of a", buckets=BOUNDS, registry=theirs)
    assert text_of(own) == text_of(theirs)
    for seconds in SEEN:
        made.observe(seconds)
        other.observe(seconds)
    assert text_of(own) == text_of(theirs)


def test_one_series_for_each_value_of_the_label() -> None:
    own, theirs = CollectorRegistry(), CollectorRegistry()
    made = Latencies("a_seconds", "Time of a", BOUNDS, "stage")
    own.register(made)
    other = Histogram("a_seconds", "Time of a", ["stage"], buckets=BOUNDS, registry=theirs)
    for number, seconds in enumerate(SEEN):
        made.labels(f"s{number % 2}").observe(seconds)
        other.labels(f"s{number % 2}").observe(seconds)
    assert text_of(own) == text_of(theirs)
    assert made.labels("s0") is made.labels("s0")


def test_a_metric_without_a_label_has_no_series_by_value() -> None:
    with pytest.raises(ValueError, match="no label"):
        Latencies("a_seconds", "Time of a", BOUNDS).labels("x")
