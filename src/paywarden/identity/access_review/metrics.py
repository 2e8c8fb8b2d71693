"""Metrics of access reviews."""

from __future__ import annotations

from prometheus_client import Gauge

from paywarden.core.instants import MICROSECONDS
from paywarden.identity.access_review.late import LateReviews
from paywarden.kit.metrics import Metrics


class ReviewMetrics:
    """What `LateReviews` found; alarm on `overdue` above 0 and on campaigns older than 184 days."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self._open = Gauge(
            "paywarden_access_reviews_open", "Open reviews of access", registry=registry
        )
        self._overdue = Gauge(
            "paywarden_access_reviews_overdue",
            "Open reviews of access past the day that they were due",
            registry=registry,
        )
        self._closed = Gauge(
            "paywarden_access_review_closed_timestamp_seconds",
            "When the last campaign was closed, in seconds since 1970",
            ("tenant", "environment"),
            registry=registry,
        )

    def show(self, late: LateReviews) -> None:
        """Take over the figures."""
        self._open.set(late.open)
        self._overdue.set(late.overdue)
        for scope, at_us in late.last_closed().items():
            labels = (scope.tenant, scope.environment.value)
            self._closed.labels(*labels).set(at_us / MICROSECONDS)
