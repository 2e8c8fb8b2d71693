"""A recipe: the inputs of a model as text, each a named expression in the policy's language.

    inputs:
      - name: ${key}_count_${window}
        for: {key: [card, device], window: [1h, 1d]}
        is: count(${key}, "${window}")
        reason: TOO_MANY_ATTEMPTS
        direction: up

Guards: an input reads the names that rules read (fields, window macros, lists are not needed), so
training, back-tests and live decisions compute it from one text by the same compiled code. Its
value is an int, a double, a bool (0 or 1) or a text (a category). `direction` says that the risk
may only rise (up) or fall (down) with the value; `reason` names the reason that a reader is shown.
Window macros become windows named by their content. The version of a recipe is the digest of its
expanded inputs: a model is served only with the very inputs that it was trained on.
Order: YAML, keys, expansion, parse, macros, types. Not done here: values (`inputs.py`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.cel.checker import check
from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import Expr, Present, Reference
from paywarden.risk.rules.cel.tree import nodes_of, refuse_deep, transform
from paywarden.risk.rules.fields import REASON, Fields, tables_of
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.macros import WindowMacros
from paywarden.risk.rules.plain_tree import Plain, plain_of
from paywarden.risk.rules.scope import condition_types
from paywarden.risk.rules.yaml_source import Items, Scalar, Table, parse_yaml

DEFAULT = "default_inputs.yaml"
MAX_INPUTS = 1_000
DIRECTIONS: Mapping[str, int] = {"": 0, "up": 1, "down": -1}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,119}\Z")
_HOLE = re.compile(r"\$\{([a-z]+)\}")
_KEYS = ("name", "for", "is", "reason", "direction")
_KINDS = frozenset({"int", "double", "bool", "string"})
_NOT_YET = frozenset({"model.p", "model.anomaly", "segment", "merchant_group"})


@dataclass(frozen=True, slots=True)
class Input:
    """One input: `text` in the policy's language, the reason it stands for, -1, 0 or 1."""

    name: str
    text: str
    reason: str
    direction: int = 0


@dataclass(frozen=True, slots=True)
class CompiledInput:
    """An input as a typed tree; `paths`: what it reads; `kind`: int, double, bool or string."""

    input: Input
    tree: Plain
    kind: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Compiled inputs in order and the windows that they ask for."""

    inputs: tuple[CompiledInput, ...]
    windows: tuple[Aggregate, ...]

    @property
    def version(self) -> str:
        """Digest of the expanded inputs."""
        return version_of([one.input for one in self.inputs])

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(one.input.name for one in self.inputs)


def version_of(inputs: Sequence[Input]) -> str:
    """Name of a list of inputs by its content.

    >>> version_of([Input("a", "1", "POLICY")]) == version_of([Input("a", "2", "POLICY")])
    False
    """
    form = [[one.name, one.text, one.direction] for one in inputs]
    return "in_" + hashlib.sha256(json.dumps(form).encode()).hexdigest()[:16]


def default_inputs() -> tuple[Input, ...]:
    """The shipped recipe: generic, for any payments."""
    content = resources.files(__package__).joinpath(DEFAULT).read_bytes()
    return read_inputs(DEFAULT, content)


def read_inputs(name: str, content: bytes) -> tuple[Input, ...]:
    """Expanded inputs of a recipe file. Errors: PolicyErrors with every place."""
    findings = Findings()
    top = parse_yaml(name, content, findings)
    inputs: tuple[Input, ...] = ()
    if isinstance(top, Table):
        inputs = inputs_in(Fields(top, name, ("text", "inputs"), findings), findings)
    findings.raise_errors()
    if not inputs:
        raise InvalidRequest("recipe_empty", "a recipe has at least one input", pointer=name)
    return inputs


def inputs_in(fields: Fields, findings: Findings) -> tuple[Input, ...]:
    """Expanded inputs of the key `inputs`; errors are added to `findings`."""
    inputs: dict[str, Input] = {}
    node = fields.node("inputs")
    if not isinstance(node, Items):
        fields.missing("inputs")
        return ()
    for table in tables_of(node, fields.what, findings):
        for one in _stamped(table, findings):
            _keep(one, table, inputs, findings)
    return tuple(inputs.values())


def _keep(one: Input, table: Table, inputs: dict[str, Input], findings: Findings) -> None:
    if one.name in inputs:
        message = f"the input `{one.name}` stands twice"
        findings.error(table.source, "duplicate_input", message, "rename or remove one of them")
    elif len(inputs) >= MAX_INPUTS:
        message = f"there are more than {MAX_INPUTS} inputs"
        findings.error(table.source, "too_many_inputs", message, "remove unused ones")
    else:
        inputs[one.name] = one


def _stamped(table: Table, findings: Findings) -> Iterable[Input]:
    fields = Fields(table, "an input", _KEYS, findings)
    name, text = fields.text("name", required=True), fields.text("is", required=True)
    reason = fields.pattern("reason", REASON, "use A-Z, 0-9 and _, such as UNUSUAL_AMOUNT")
    direction = fields.text("direction")
    if direction not in DIRECTIONS:
        fields.wrong(fields.place("direction"), "direction", "up or down")
    axes = _axes(fields)
    for values in itertools.product(*axes.values()):
        filling = dict(zip(axes, values, strict=True))
        stamped = _filled(name, filling)
        if not _NAME.match(stamped) or "${" in _filled(text, filling):
            fields.wrong(fields.place("name"), "name", "of a-z, 0-9 and _ with known holes")
            return
        yield Input(stamped, _filled(text, filling), reason, DIRECTIONS.get(direction, 0))


def _axes(fields: Fields) -> dict[str, tuple[str, ...]]:
    table = fields.table_of("for")
    if table is None:
        return {}
    found = {}
    for key, (_, node) in table.entries.items():
        items = node.items if isinstance(node, Items) else (node,)
        found[key] = tuple(item.text for item in items if isinstance(item, Scalar))
    return found


def _filled(text: str, filling: Mapping[str, str]) -> str:
    return _HOLE.sub(lambda hole: filling.get(hole[1], hole[0]), text)


def compile_inputs(
    inputs: Sequence[Input], declared: Sequence[Aggregate] = (), lists: Iterable[str] = ()
) -> Recipe:
    """Typed trees of inputs. `declared`: windows of the policy beside which they are served.

    Errors: InvalidRequest `input_invalid` that names the input.
    """
    macros = WindowMacros(declared)
    parsed = [_parsed(one, macros) for one in inputs]
    windows = macros.made
    types = condition_types((*declared, *windows), lists)
    return Recipe(
        tuple(_typed(one, tree, types) for one, tree in zip(inputs, parsed, strict=True)), windows
    )


def _parsed(one: Input, macros: WindowMacros) -> Expr:
    try:
        tree = transform(parse(one.text), macros.hook)
        refuse_deep(tree)
    except CompileError as error:
        raise _refused(one, error.detail) from None
    return tree


def _typed(one: Input, tree: Expr, types: Mapping[str, object]) -> CompiledInput:
    try:
        checked = check(tree, types, None)  # type: ignore[arg-type]
    except CompileError as error:
        raise _refused(one, error.detail) from None
    kind = checked.type.kind
    if kind not in _KINDS:
        raise _refused(one, f"its value is {kind}; give an int, a double, a bool or a text")
    found = (node.path for node in nodes_of(checked.expr) if isinstance(node, Reference | Present))
    paths = tuple(dict.fromkeys(found))
    if _NOT_YET.intersection(paths):
        raise _refused(one, "it reads what is known only after scoring")
    return CompiledInput(one, plain_of(checked.expr), kind, paths)


def _refused(one: Input, why: str) -> InvalidRequest:
    return InvalidRequest("input_invalid", why, pointer=one.name)
