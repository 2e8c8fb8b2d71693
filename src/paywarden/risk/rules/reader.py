"""A policy folder, or the same files sent by the API, into one `Policy`, or all its errors.

Guards: bounded before anything is parsed (files, bytes, 2 MiB each), every file read as data only
(`yaml_source`), every fault collected with file, line and column; a policy with an error is never
handed out. Order: policy.yaml, aggregates.yaml, rules/**, typologies/**, lists/*.csv (names only).
Files and folders that are not known are a warning. Not done here: types of conditions, examples and
lint (`check.py`), values of lists (`paywarden.risk.lists`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from paywarden.core.errors import NotFound
from paywarden.risk.features.model import Aggregate
from paywarden.risk.lists.model import ListKind
from paywarden.risk.rules.aggregates_reader import read_aggregates
from paywarden.risk.rules.cel.errors import shown
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.fields import WORD
from paywarden.risk.rules.findings import Findings, one_of
from paywarden.risk.rules.macros import WindowMacros
from paywarden.risk.rules.model import Policy, Source
from paywarden.risk.rules.policy_reader import FILE, LIST_KINDS, Head, read_head
from paywarden.risk.rules.reading_memory import ReadingMemory
from paywarden.risk.rules.rule_reader import RuleReader
from paywarden.risk.rules.suppressions import Suppression
from paywarden.risk.rules.typology_reader import TypologyReader
from paywarden.risk.rules.yaml_source import MAX_FILE_BYTES, Node, Scalar, Table

AGGREGATES = "aggregates.yaml"
RULES = "rules/"
LISTS = "lists/"
TYPOLOGIES = "typologies/"
YAML = (".yaml", ".yml")
MAX_FILES = 2_000
MAX_BYTES = 32 * 1024 * 1024
MAX_LIST_BYTES = 12 * 1024 * 1024
"""Largest list file of a policy; longer lists are filled through the API."""
UNTYPED_LIST = ListKind.STRING.value
"""Kind of a list that has a file, is not declared, and does not say its kind itself."""
_LIST_PATH = re.compile(r"lists/([^/]+?)\.csv(?:\.gz)?\Z")


@dataclass(slots=True)
class Reading:
    """A policy with all findings; `policy` is a stand-in where there are errors.

    `places`: where `aggregates.<name>`, `lists.<name>`, `reasons.<code>`, `segments.<name>` and so
    on are declared. `trees`: complete condition of each rule and the scalar it was written in.
    `conditions`: the same for segments and merchant groups. `typologies`: what their reader left,
    those over the log as well. `allowed`: doubts that a rule allows,
    by id or template; `allowed_everywhere`: those of policy.yaml.
    """

    policy: Policy
    findings: Findings
    places: dict[str, Source] = field(default_factory=dict)
    trees: dict[str, tuple[Expr, Scalar]] = field(default_factory=dict)
    conditions: dict[str, tuple[Expr, Scalar]] = field(default_factory=dict)
    allowed: dict[str, Suppression] = field(default_factory=dict)
    allowed_everywhere: tuple[Suppression, ...] = ()
    typologies: TypologyReader | None = None


def read_policy(folder: Path) -> Policy:
    """The policy of a folder. Errors: PolicyErrors with all findings; NotFound."""
    return read_policy_files(files_of(folder))


def read_policy_files(files: Mapping[str, bytes], memory: ReadingMemory | None = None) -> Policy:
    """The policy of files by path relative to the folder. Errors: PolicyErrors."""
    reading = read_all(files, memory)
    reading.findings.raise_errors()
    return reading.policy


def files_of(folder: Path) -> dict[str, bytes]:
    """The policy's files by relative path; hidden files and links out of the folder are left out.

    At most MAX_FILES + 1 files are listed and one byte over its limit read of each, so that
    `read_all` sees, and refuses, what is over the limits. Errors: NotFound.
    """
    if not folder.is_dir():
        raise NotFound("policy_folder_not_found", "there is no such folder; name a policy folder")
    root = folder.resolve()
    found: dict[str, bytes] = {}
    total = 0
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or not path.is_file() or not path.resolve().is_relative_to(root):
            continue
        name = relative.as_posix()
        limit = MAX_LIST_BYTES + 1 if name.startswith(LISTS) else MAX_FILE_BYTES + 1
        with path.open("rb") as stream:
            found[name] = stream.read(limit)
        total += len(found[name])
        if len(found) > MAX_FILES or total > MAX_BYTES:
            break
    return found


def read_all(files: Mapping[str, bytes], memory: ReadingMemory | None = None) -> Reading:
    """Everything that can be read of the files, and everything that is wrong with them.

    `memory`: what earlier readings left; it spares work and changes nothing.
    """
    findings, memory = Findings(), memory or ReadingMemory()
    if _too_much(files, findings):
        return Reading(_policy(Head(), [], None), findings)
    head = _head(files, memory, findings)
    lists = _lists(files, head, findings)
    head.lists = lists
    declared = read_aggregates(_parsed(files, AGGREGATES, memory, findings), findings)
    windows = [window for window, _ in declared.values()]
    macros = WindowMacros(windows)
    rules = RuleReader(head, macros, findings, memory)
    typologies = TypologyReader(findings, macros)
    for name in sorted(files):
        if name.startswith(RULES) and name.endswith(YAML):
            rules.read_file(_parsed(files, name, memory, findings), name)
        elif name.startswith(TYPOLOGIES) and name.endswith(YAML):
            _read_typology(files, name, memory, typologies)
        elif not _known(name):
            _unknown_file(name, findings)
    policy = replace(
        _policy(head, [*windows, *macros.made], rules),
        list_files=_digests(files, (name for name in files if name.startswith(LISTS))),
        typologies=typologies.of_payments,
        typology_files=_digests(files, typologies.files_over_log),
    )
    places = {f"aggregates.{name}": source for name, (_, source) in declared.items()}
    places.update(head.places)
    return Reading(
        policy, findings, places, rules.trees, head.conditions, rules.allowed, head.allowed,
        typologies,
    )  # fmt: skip


def _digests(files: Mapping[str, bytes], names: Iterable[str]) -> dict[str, str]:
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(names)}


def _read_typology(
    files: Mapping[str, bytes], name: str, memory: ReadingMemory, reader: TypologyReader
) -> None:
    before = len(reader.findings.items)
    node = _parsed(files, name, memory, reader.findings)
    if node is not None or len(reader.findings.items) == before:
        reader.read_file(node, name)


def _too_much(files: Mapping[str, bytes], findings: Findings) -> bool:
    if len(files) <= MAX_FILES and sum(map(len, files.values())) <= MAX_BYTES:
        return False
    message = f"the policy has more than {MAX_FILES} files or {MAX_BYTES} bytes"
    findings.error(Source(FILE, 1), "policy_too_large", message, "remove what is not needed")
    return True


def _parsed(
    files: Mapping[str, bytes], name: str, memory: ReadingMemory, findings: Findings
) -> Node | None:
    return memory.parsed(name, files[name], findings) if name in files else None


def _head(files: Mapping[str, bytes], memory: ReadingMemory, findings: Findings) -> Head:
    if FILE not in files:
        message = "the folder has no policy.yaml"
        remedy = "add one with at least `name` and `base_currency`"
        findings.error(Source(FILE, 1), "policy_yaml_missing", message, remedy)
        return Head()
    before = findings.failed
    node = _parsed(files, FILE, memory, findings)
    if isinstance(node, Table):
        return read_head(node, findings)
    if node is not None or findings.failed == before:
        message = "policy.yaml is no mapping"
        findings.error(Source(FILE, 1), "bad_value", message, "write `name: ...` and so on")
    return Head()


def _lists(files: Mapping[str, bytes], head: Head, findings: Findings) -> dict[str, str]:
    """Declared lists, and those that only have a file, whose own `# kind:` line then counts."""
    lists = dict(head.lists)
    for path in sorted(files):
        found = _LIST_PATH.match(path)
        if not found or not WORD.match(found[1]):
            if path.startswith(LISTS):
                message = f"the list file `{shown(path)}` has no usable name"
                remedy = "name it with a-z, 0-9 and _, such as stolen_cards.csv"
                findings.error(Source(path, 1), "bad_name", message, remedy)
            continue
        name = found[1]
        if len(files[path]) > MAX_LIST_BYTES:
            message = f"the list file is over {MAX_LIST_BYTES} bytes"
            remedy = "keep a shorter file and add the rest through the API"
            findings.error(Source(path, 1), "list_too_large", message, remedy)
        kind = _kind_of(files[path])
        if name not in lists:
            message = f"the list `{name}` is not declared in policy.yaml"
            remedy = f"add `{name}: {kind or 'its kind'}` to `lists`"
            findings.warning(Source(path, 1), "undeclared_list", message, remedy)
            lists[name] = kind if kind in LIST_KINDS else UNTYPED_LIST
        elif kind and kind != lists[name]:
            message = f"the list `{name}` is declared with another kind than its file says"
            remedy = "make `lists` in policy.yaml and the `# kind:` line agree"
            findings.error(Source(path, 1), "list_kind_differs", message, remedy)
    return lists


def _kind_of(content: bytes) -> str:
    """The word of a leading `# kind:` line, or an empty text (a compressed file is not opened)."""
    for line in content[:4_096].decode("utf-8", "replace").splitlines():
        if not line.startswith("#"):
            break
        key, _, word = line.lstrip("# ").partition(":")
        if key.strip() == "kind":
            return word.strip()
    return ""


def _known(name: str) -> bool:
    return name in (FILE, AGGREGATES) or name.startswith((TYPOLOGIES, LISTS))


def _unknown_file(name: str, findings: Findings) -> None:
    if "/" not in name and not name.endswith((*YAML, ".csv")):
        return
    message = f"the file `{shown(name)}` is not used"
    known = [FILE, AGGREGATES, "rules/name.yaml", "lists/name.csv", "typologies/name.yaml"]
    findings.warning(Source(name, 1), "unknown_file", message, one_of(known, name))


def _policy(head: Head, windows: list[Aggregate], rules: RuleReader | None) -> Policy:
    return Policy(
        name=head.name,
        base_currency=head.base_currency,
        points=head.points,
        model=head.model,
        stages=head.stages,
        segments=head.segments,
        merchant_groups=head.merchant_groups,
        aggregates=tuple(windows),
        rules=tuple(rules.rules.values()) if rules else (),
        lists=head.lists,
        reasons=head.reasons,
        scenarios=head.scenarios,
        control_group=head.control_group,
        screening=head.screening,
        travel_rule=head.travel_rule,
    )
