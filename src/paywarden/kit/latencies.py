"""Histograms of seconds for the hot path: one search and two additions an observation.

Guards: the client library's own histogram takes a lock for every bucket and costs a decision some
twenty microseconds; this one is written by one thread (the event loop) and read by whoever scrapes,
who may see an observation in the sum that is not yet in the count. Names, buckets and text are as
the library writes them. Not done here: labels from requests (the caller gives closed sets).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString


class Series:
    """One histogram: how many observations fell into each bucket, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation; a bucket holds what is at most its bound."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """(bound, observations up to it), ending with +Inf."""
        made, total = [], 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            total += count
            made.append((str(floatToGoString(bound)), float(total)))  # type: ignore[no-untyped-call]
        return made

    @property
    def sum(self) -> float:
        """Sum of all observations in seconds."""
        return self._sum


class Latencies:
    """A metric of one series, or of one for each value of one label; register it as a collector."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], label: str = "") -> None:
        self._name, self._text, self._bounds, self._label = name, text, tuple(bounds), label
        self._series: dict[str, Series] = {}
        if not label:
            self._series[""] = Series(bounds)

    def labels(self, value: str) -> Series:
        """The series of one value of the label."""
        if not self._label:
            raise ValueError(f"{self._name} has no label")
        return self._series.setdefault(value, Series(self._bounds))

    def observe(self, seconds: float) -> None:
        """Count one observation of a metric without a label."""
        self._series[""].observe(seconds)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """As the registry asks for it."""
        names = [self._label] if self._label else []
        family = HistogramMetricFamily(self._name, self._text, labels=names)
        for value, series in list(self._series.items()):
            family.add_metric([value] if self._label else [], series.buckets(), series.sum)
        yield family
