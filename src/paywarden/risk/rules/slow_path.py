"""The exact, slow side of a compiled policy: rules by the interpreter, errors with their codes.

Guards: nothing here is on the way of a payment unless generated code failed. Trees are made from
the text of a rule when first asked for and kept. An error is counted only where the rule applies:
its phase, segment and merchant group hold.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from typing import Any

from paywarden.risk.rules.cel.errors import EvaluationError
from paywarden.risk.rules.cel.interpreter import Evaluation
from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.cel.tree import Hook
from paywarden.risk.rules.cel.types import BOOL, CelType
from paywarden.risk.rules.graph_walk import held_nodes
from paywarden.risk.rules.online_fallback import Lists, binding_of

Condition = tuple[int, int, int]  # nodes: applies, is true, is false


class SlowPath:
    """Rules of one policy, evaluated one by one."""

    def __init__(
        self,
        texts: Sequence[str],
        conditions: Sequence[Condition],
        graph: bytes,
        types: Mapping[str, CelType],
        slots: Mapping[str, int],
        macros: Hook | None = None,
    ) -> None:
        """`graph`: marshalled (atoms, nodes) of our own compiler, read when first needed."""
        self._texts = texts
        self._conditions = conditions
        self._packed = graph
        self._graph: tuple[Any, Any] | None = None
        self._types = types
        self._slots = slots
        self._times = frozenset(path for path, kind in types.items() if kind.kind == "timestamp")
        self._macros = macros
        self.trees: dict[int, Expr] = {}

    @property
    def graph(self) -> tuple[Any, Any]:
        """(atoms, nodes)."""
        if self._graph is None:
            self._graph = marshal.loads(self._packed)  # noqa: S302 - made by our own compiler
        return self._graph

    @property
    def conditions(self) -> Sequence[Condition]:
        """Nodes of each rule."""
        return self._conditions

    def fired(self, values: Sequence[Any], lists: Lists) -> list[int]:
        """Numbers of the rules that fire, ascending; what generated code must agree with."""
        held = self._held(values, lists)
        return [
            n
            for n, (applies, true, _) in enumerate(self._conditions)
            if held[applies] and held[true]
        ]

    def errors(self, values: Sequence[Any], lists: Lists) -> dict[int, str]:
        """Rule number -> code of the error in which its condition ends, where it applies."""
        held = self._held(values, lists)
        bindings = self.bindings(values, lists)
        found: dict[int, str] = {}
        for number, (applies, true, false) in enumerate(self._conditions):
            if held[applies] and not held[true] and not held[false]:
                found[number] = self.code(number, bindings)
        return found

    def code(self, number: int, bindings: Mapping[str, Any]) -> str:
        """Code of the error of one rule over bindings; `wrong_result` if it ends in none."""
        try:
            Evaluation({}, bindings).value(self.tree(number))
        except EvaluationError as error:
            return error.code
        except RecursionError:
            return "evaluation_too_deep"
        return "wrong_result"

    def tree(self, number: int) -> Expr:
        """Checked tree of a rule's condition."""
        found = self.trees.get(number)
        if found is None:
            program = compile_condition(
                self._texts[number], self._types, result=BOOL, macros=self._macros
            )
            found = self.trees[number] = program.expr
        return found

    def bindings(self, values: Sequence[Any], lists: Lists) -> dict[str, Any]:
        """The vector as bindings of the interpreter."""
        bound = {
            path: binding_of(values[slot], path in self._times)
            for path, slot in self._slots.items()
        }
        bound.update(
            {name: lists.get(name[6:], ()) for name in self._types if name[:6] == "lists."}
        )
        return bound

    def _held(self, values: Sequence[Any], lists: Lists) -> list[bool]:
        atoms, nodes = self.graph
        by_path = {path: values[slot] for path, slot in self._slots.items()}
        return held_nodes(atoms, nodes, by_path, lists)
