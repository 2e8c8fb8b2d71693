"""The actions that rules may ask for: every other file of this folder, found by its presence.

Guards: an action is a value (`model.Action`) that the decision records; what it changes in the
world is done later by the worker, so that a rule never waits and a replay never acts. A file
defines `ACTION`, an `ActionKind`, under the file's own name.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from paywarden.risk.rules.fields import Fields
from paywarden.risk.rules.findings import Findings, one_of
from paywarden.risk.rules.model import Action
from paywarden.risk.rules.yaml_source import Items, Node, Scalar, Table

MAX_ACTIONS = 10


@dataclass(frozen=True, slots=True)
class ActionContext:
    """What the parameters of an action may refer to: the lists of the policy."""

    lists: Mapping[str, str]


Read = Callable[[Fields, ActionContext], Mapping[str, str | int | bool]]


@dataclass(frozen=True, slots=True)
class ActionKind:
    """One action: its text for people, the keys of its parameters, how they are read."""

    text: str
    keys: tuple[str, ...]
    read: Read


@functools.cache
def action_kinds() -> Mapping[str, ActionKind]:
    """Actions by name."""
    package = __name__.rpartition(".")[0]
    folder = importlib.import_module(package).__path__
    names = sorted(found.name for found in pkgutil.iter_modules(folder))
    modules = {name: importlib.import_module(f"{package}.{name}") for name in names}
    return {name: one.ACTION for name, one in modules.items() if hasattr(one, "ACTION")}


def read_actions(
    node: Node | None, what: str, context: ActionContext, findings: Findings
) -> tuple[Action, ...]:
    """Actions of a rule: a list of `name: {parameters}`."""
    if node is None:
        return ()
    if not isinstance(node, Items) or len(node.items) > MAX_ACTIONS:
        message = f"`actions` of {what} is no list of at most {MAX_ACTIONS} actions"
        findings.error(node.source, "bad_value", message, "write a list of `name: {...}`")
        return ()
    read = (_action(item, what, context, findings) for item in node.items)
    return tuple(action for action in read if action is not None)


def _action(item: Node, what: str, context: ActionContext, findings: Findings) -> Action | None:
    if not isinstance(item, Table) or len(item.entries) != 1:
        message = f"an action of {what} is not a single `name: {{parameters}}`"
        findings.error(item.source, "bad_value", message, "write one name with its parameters")
        return None
    name, (key, value) = next(iter(item.entries.items()))
    kinds = action_kinds()
    if name not in kinds:
        message = f"{what} asks for an unknown action `{name[:63]}`"
        findings.error(key.source, "unknown_action", message, one_of(kinds, name))
        return None
    if isinstance(value, Scalar) and value.value is None:
        value = Table({}, value.source)
    if not isinstance(value, Table):
        message = f"the parameters of `{name}` are no mapping"
        findings.error(value.source, "bad_value", message, "write `key: value` pairs")
        return None
    fields = Fields(value, f"the action `{name}` of {what}", kinds[name].keys, findings)
    return Action(name, tuple(sorted(kinds[name].read(fields, context).items())))
