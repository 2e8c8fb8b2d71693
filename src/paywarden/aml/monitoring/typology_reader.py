"""Files of typologies into values: those that ship, and those of an operator's folder.

    typologies = read_typologies(files_of(folder)).checked()

Guards: all faults of all files are collected with file, line, column and remedy; functions of
features and their settings are known ones, terms have types, examples give the score that they
say. Typologies of both kinds stand in one folder; those that run in the payment path lie in a
policy, and there the policy's own reader checks them too, with the policy's windows and lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from paywarden.aml.monitoring.flow_types import flow_types
from paywarden.aml.monitoring.log_names import log_types
from paywarden.core.errors import NotFound
from paywarden.risk.rules.cel.types import CelType
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.macros import WindowMacros
from paywarden.risk.rules.scope import condition_types
from paywarden.risk.rules.typology_check import TypologyCheck
from paywarden.risk.rules.typology_model import Typology
from paywarden.risk.rules.typology_reader import TypologyReader
from paywarden.risk.rules.yaml_source import MAX_FILE_BYTES, parse_yaml

FOLDER: Final = "typologies/"
YAML: Final = (".yaml", ".yml")
FlowTypes = Callable[[Typology, Findings], Mapping[str, CelType]]
"""Type of each feature of a typology by name; faults of functions and settings are added."""
MAX_FILES: Final = 500
LISTS: Final = ("high_risk_countries", "monitored_countries")


@dataclass(frozen=True, slots=True)
class TypologyReading:
    """What could be read, in order of file, and what is wrong."""

    typologies: tuple[Typology, ...]
    findings: Findings

    def checked(self) -> tuple[Typology, ...]:
        """The typologies. Errors: PolicyErrors with every finding when there is an error."""
        self.findings.raise_errors()
        return self.typologies


def read_typologies(
    files: Mapping[str, bytes],
    flow_types: FlowTypes = flow_types,
    payment_types: Callable[[WindowMacros], Mapping[str, CelType]] | None = None,
) -> TypologyReading:
    """Every typology of files by name, shape, types and examples checked.

    `payment_types`: names that terms of `runs: payment` may read; None: those of every policy.
    """
    findings = Findings()
    macros = WindowMacros()
    reader = TypologyReader(findings, macros)
    for name in sorted(files):
        if name.endswith(YAML):
            node = parse_yaml(name, files[name], findings)
            if node is not None or not findings.failed:
                reader.read_file(node, name)
    check = TypologyCheck(reader.trees, reader.texts, findings)
    in_payments = (payment_types or _every_policy)(macros)
    for typology in reader.typologies.values():
        if typology.runs == "log":
            check.run(typology, log_types(flow_types(typology, findings)))
        else:
            check.run(typology, in_payments)
    return TypologyReading(tuple(reader.typologies.values()), findings)


def log_names_of(typology: Typology, findings: Findings) -> Mapping[str, CelType]:
    """Names that terms of a typology over the log may read; what is wrong with its features."""
    return log_types(flow_types(typology, findings))


def _every_policy(macros: WindowMacros) -> Mapping[str, CelType]:
    return condition_types(macros.made, LISTS)


def files_in(folder: Path) -> dict[str, bytes]:
    """YAML files of a folder by name, at most MAX_FILES and one octet over the limit of each.

    Errors: NotFound when there is no such folder.
    """
    if not folder.is_dir():
        raise NotFound("typology_folder_not_found", "there is no such folder; name another one")
    root = folder.resolve()
    found: dict[str, bytes] = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root).as_posix()
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        inside = path.resolve().is_relative_to(root)
        if hidden or not path.is_file() or not inside or not relative.endswith(YAML):
            continue
        with path.open("rb") as stream:
            found[relative] = stream.read(MAX_FILE_BYTES + 1)
        if len(found) > MAX_FILES:
            break
    return found


def shipped_files() -> dict[str, bytes]:
    """The typologies that come with the program, by name of their file."""
    folder = resources.files("paywarden.aml") / "typologies"
    return {
        entry.name: entry.read_bytes()
        for entry in sorted(folder.iterdir(), key=lambda one: one.name)
        if entry.name.endswith(YAML)
    }


def shipped_typologies() -> tuple[Typology, ...]:
    """The typologies that come with the program, read and checked."""
    return read_typologies(shipped_files()).checked()
