"""Metrics of the signed log."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from paywarden.kit.metrics import Metrics


class EvidenceMetrics:
    """Registered beside the process' own metrics; without them, in a registry of their own."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.size = Gauge(
            "paywarden_audit_log_size", "Leaves under the last checkpoint", registry=registry
        )
        self.unsigned = Gauge(
            "paywarden_audit_log_unsigned", "Leaves that no checkpoint covers", registry=registry
        )
        self.signing = Gauge(
            "paywarden_audit_log_signing",
            "1 while checkpoints are signed, 0 when the log was stopped",
            registry=registry,
        )
        self.witnessed = Gauge(
            "paywarden_audit_log_witnessed_size",
            "Largest checkpoint that the witness cosigned",
            registry=registry,
        )
        self.witness_failures = Counter(
            "paywarden_audit_log_witness_failures_total",
            "Checkpoints that the witness did not cosign",
            ("reason",),
            registry=registry,
        )
