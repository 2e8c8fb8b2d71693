"""What egress counts; labels come from closed sets."""

from __future__ import annotations

from prometheus_client import Counter

from paywarden.kit.metrics import Metrics


class EgressMetrics:
    """Counters beside those of every process."""

    def __init__(self, metrics: Metrics) -> None:
        self.events = Counter(
            "paywarden_cde_events_total",
            "Events of the card data environment",
            ("kind", "severity"),
            registry=metrics.registry,
        )
        self.forwards = Counter(
            "paywarden_cde_forwards_total",
            "Forwarded requests by what came of them",
            ("result",),
            registry=metrics.registry,
        )

    def observe(self, kind: str, severity: str) -> None:
        """Count an event; `kind` is a literal of this room."""
        self.events.labels(kind, severity).inc()
