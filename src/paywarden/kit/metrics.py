"""Metrics: one registry per process, Prometheus text, bounded labels.

Guards: label values come from closed sets (routes, outcomes, stages), never from a request, so a
caller cannot grow memory. Latency buckets stand around the 80 ms promise.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from paywarden.kit.latencies import Latencies

LATENCY_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.010, 0.020, 0.040, 0.080, 0.160, 0.320, 1.0)
DELAY_BUCKETS_DAYS = (0.04, 1.0, 3.0, 7.0, 14.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Every metric of the decision process; one instance per process, made by its entry point."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.decision_seconds = self._histogram(
            "paywarden_decision_seconds", "Time from request to durable answer"
        )
        self.stage_seconds = self._histogram(
            "paywarden_stage_seconds", "Time of one stage of a decision", "stage"
        )
        self.commit_seconds = self._histogram(
            "paywarden_commit_seconds", "Time from submission to durable commit"
        )
        self.decisions = self._counter(
            "paywarden_decisions_total", "Decisions by outcome", ("environment", "outcome")
        )
        self.events = self._counter(
            "paywarden_events_total", "Events taken in by kind", ("environment", "kind")
        )
        self.labels = self._counter(
            "paywarden_labels_total",
            "Labels by source and by what stands after them",
            ("environment", "source", "stands"),
        )
        self.label_floods = self._counter(
            "paywarden_label_floods_total",
            "Alarms for unusually many labels",
            ("environment", "source"),
        )
        self.label_delay_seconds = Histogram(
            "paywarden_label_delay_seconds",
            "Time from a payment to its label",
            ("source",),
            buckets=[days * 86_400 for days in DELAY_BUCKETS_DAYS],
            registry=self.registry,
        )
        self.aml_alerts = self._counter(
            "paywarden_aml_alerts_total",
            "Alerts against money laundering that were kept",
            ("kind", "interdicted"),
        )
        self.flow_delay_seconds = self._gauge(
            "paywarden_flow_delay_seconds",
            "How long the oldest transfer has waited to be monitored",
            ("environment",),
        )
        self.flow_waiting = self._gauge(
            "paywarden_flow_waiting", "Transfers that wait for late ones", ("environment",)
        )
        self.flow_transfers = self._gauge(
            "paywarden_flow_transfers", "Transfers that were monitored", ("environment",)
        )
        self.flow_bytes = self._gauge(
            "paywarden_flow_bytes", "Memory of monitored flows", ("environment",)
        )
        self.flow_left_out = self._gauge(
            "paywarden_flow_left_out",
            "What monitoring of flows left out: legs, members, hops, searches, late, unpriced",
            ("environment", "what"),
        )
        self.flow_restarts = Counter(
            "paywarden_flow_restarts_total",
            "Ends of the process that monitors flows",
            registry=self.registry,
        )
        self.requests = self._counter(
            "paywarden_http_requests_total", "HTTP requests", ("route", "status")
        )
        self.degraded = self._counter(
            "paywarden_degraded_total", "Decisions with a stated degradation", ("reason",)
        )
        self.late_events = self._counter(
            "paywarden_late_events_total", "Events by lateness", ("kind",)
        )
        self.card_like_identifiers = self._counter(
            "paywarden_card_like_identifiers_total", "Identifiers that look like a card number", ()
        )
        self.card_numbers_refused = self._counter(
            "paywarden_card_numbers_refused_total", "Requests refused for a card number", ()
        )
        self.signature_refusals = self._counter(
            "paywarden_signature_refusals_total", "Requests refused for their signature", ("code",)
        )
        self.rule_errors = self._counter(
            "paywarden_rule_errors_sampled_total", "Sampled evaluation errors of rules", ("code",)
        )
        self.checkpoints = self._counter(
            "paywarden_checkpoints_total", "Attempts to write a checkpoint", ("result",)
        )
        for result in ("written", "failed"):
            self.checkpoints.labels(result)
        self.checkpoint_seq = Gauge(
            "paywarden_checkpoint_seq",
            "Log sequence of the last checkpoint of windows",
            ("environment",),
            registry=self.registry,
        )
        self.journal_head = Gauge(
            "paywarden_journal_head", "Last committed log sequence", registry=self.registry
        )
        self.table_age_days = Gauge(
            "paywarden_table_age_days",
            "Age of a reference table",
            ("table",),
            registry=self.registry,
        )
        self.window_bytes = Gauge(
            "paywarden_window_bytes", "Memory of the window store", registry=self.registry
        )
        self.screening_up = self._gauge(
            "paywarden_screening_up", "1 while a process holds the lists in force"
        )
        self.screening_alarms = self._gauge(
            "paywarden_screening_alarms", "Alarms of lists: stale, waiting, refused, not switched"
        )
        self.screening_names = self._gauge(
            "paywarden_screening_names", "Listed names that parties are held against"
        )
        self.screening_bytes = self._gauge(
            "paywarden_screening_bytes", "Most memory of the process that holds the lists"
        )
        self.screening_list_age_days = Gauge(
            "paywarden_screening_list_age_days",
            "Days since the publisher last gave the list in force",
            ("source",),
            registry=self.registry,
        )
        self.screening_hits = self._counter(
            "paywarden_screening_hits_total", "Payments with a hit", ("environment",)
        )

    def card_numbers_seen(self) -> float:
        """Requests refused for a card number by this process."""
        (family,) = self.card_numbers_refused.collect()
        return float(family.samples[0].value)

    def text(self) -> bytes:
        """The exposition text of all metrics."""
        return generate_latest(self.registry)

    def _histogram(self, name: str, text: str, label: str = "") -> Latencies:
        made = Latencies(name, text, LATENCY_BUCKETS, label)
        self.registry.register(made)
        return made

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, text, labels, registry=self.registry)
