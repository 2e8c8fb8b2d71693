"""Names in scope of conditions, of segments and of window filters, with their types.

Guards: derived from the feature catalogue and the policy's own windows and lists, so that checker,
compilers, examples and console agree. Type of a window: count, distinct and since_* give int, avg
and stddev double, every other function the type of what it reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from paywarden.risk.features.catalogue import (
    EVENT_FIELDS,
    FIELDS,
    KEPT_FROM_SEGMENTS,
    Field,
    filter_names,
)
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.cel.types import (
    DOUBLE,
    DYN,
    INT,
    MEMBERS,
    SCALARS,
    STRING,
    CelType,
    map_of,
)

_WHOLE = frozenset({"count", "distinct", "since_first", "since_last"})
_REAL = frozenset({"avg", "stddev"})


def field_type(field: Field) -> CelType:
    """Type of a catalogue field."""
    return map_of(STRING, DYN) if field.type == "map" else SCALARS[field.type]


def aggregate_type(aggregate: Aggregate) -> CelType:
    """Type of a window's value. Errors: KeyError for an `of` that the catalogue lacks."""
    if aggregate.function in _WHOLE:
        return INT
    if aggregate.function in _REAL:
        return DOUBLE
    path = aggregate.of or ""
    return field_type(EVENT_FIELDS.get(path) or FIELDS[path])


def segment_types(lists: Iterable[str]) -> dict[str, CelType]:
    """Names that segments and merchant groups may use: lists and fields but companions'.

    Segments say what kind of payment it is, which neither the past of its entities nor screening
    does.
    """
    own = (path for path in FIELDS if path not in KEPT_FROM_SEGMENTS)
    types = {path: field_type(FIELDS[path]) for path in own}
    types.update({f"lists.{name}": MEMBERS for name in lists})
    return types


def condition_types(aggregates: Iterable[Aggregate], lists: Iterable[str]) -> Mapping[str, CelType]:
    """Names that conditions of rules may use."""
    types = segment_types(lists)
    types.update({path: field_type(field) for path, field in KEPT_FROM_SEGMENTS.items()})
    types.update({f"agg.{one.name}": aggregate_type(one) for one in aggregates})
    types.update({"segment": STRING, "merchant_group": STRING})
    types.update({"model.p": DOUBLE, "model.anomaly": DOUBLE})
    return types


def filter_types() -> dict[str, CelType]:
    """Names that window filters may use."""
    return {path: field_type(field) for path, field in filter_names().items()}
