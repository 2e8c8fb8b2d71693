"""Metrics: documented buckets, closed labels, a registry of one's own."""

from __future__ import annotations

from paywarden.kit.metrics import Metrics


def test_two_processes_do_not_share_counters() -> None:
    one, two = Metrics(), Metrics()
    one.decisions.labels("test", "allow").inc()
    assert b'paywarden_decisions_total{environment="test",outcome="allow"} 1.0' in one.text()
    assert b"outcome=" not in two.text()


def test_latency_has_the_buckets_of_the_contract() -> None:
    text = Metrics().text().decode()
    for bound in ("0.001", "0.002", "0.005", "0.01", "0.02", "0.04", "0.08", "0.16"):
        assert f'paywarden_decision_seconds_bucket{{le="{bound}"}} 0.0' in text
