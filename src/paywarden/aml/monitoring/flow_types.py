"""Types of a typology's features for the checker of its conditions.

Guards: what `functions` refuses becomes a finding of the file with its place, not an exception.
"""

from __future__ import annotations

from collections.abc import Mapping

from paywarden.aml.monitoring.functions import FUNCTIONS, measure_of
from paywarden.core.errors import InvalidRequest
from paywarden.risk.rules.cel.types import DOUBLE, DYN, INT, CelType
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.model import Source
from paywarden.risk.rules.typology_model import Typology

_TYPES: Mapping[str, CelType] = {"int": INT, "double": DOUBLE}


def flow_types(typology: Typology, findings: Findings) -> Mapping[str, CelType]:
    """Type of each feature by name; faults of functions and settings are added to `findings`."""
    types: dict[str, CelType] = {}
    for feature in typology.features:
        try:
            measure_of(feature)
            types[feature.name] = _TYPES[FUNCTIONS[feature.function].value]
        except InvalidRequest as error:
            types[feature.name] = DYN
            findings.error(
                Source(typology.file, typology.line),
                error.code,
                error.detail,
                "see docs/explanation/monitoring.md for functions and their settings",
            )
    return types
