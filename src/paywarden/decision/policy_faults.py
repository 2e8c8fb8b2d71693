"""Findings of a policy as the faults of a problem: every error with its place and remedy."""

from __future__ import annotations

from paywarden.kit.http.problem import Fault, FaultyFiles
from paywarden.risk.rules.findings import PolicyErrors


def faulty(found: PolicyErrors) -> FaultyFiles:
    """The refusal of a policy. Warnings are left out."""
    faults = [
        Fault(one.file, one.line, one.column, one.code, one.message, one.remedy)
        for one in found.findings
        if one.severity == "error"
    ]
    return FaultyFiles(found.code, found.detail, faults, pointer=found.pointer)
