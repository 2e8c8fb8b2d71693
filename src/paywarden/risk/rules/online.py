"""The online back end: which rules fire for one payment, by generated code.

Guards: the vector is aligned with the slots; None is missing or null. Values are of their declared
types: int within 64 bits, float for double, microseconds for timestamps. Should generated code ever
raise, the payment is answered by the interpreter rule by rule: slow, never an outage, and counted
in `faults`. Answers are rule numbers in ascending order, each once. Code enters only through
`load`, from an image that this installation's own compiler made (`compiler_process.py` checks its
digest); it is marshalled code, never text of a policy. Loading goes in small steps, so that a
process that answers payments never stops for longer than one step.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

from paywarden.risk.rules.cel.patterns import pattern_of
from paywarden.risk.rules.online_fallback import ERROR, HELPERS, Lists, asking
from paywarden.risk.rules.online_image import OnlineImage
from paywarden.risk.rules.slow_path import SlowPath

LOAD_STEP = 32
_NOTHING: tuple[str, ...] = ()
_BUILTINS = {"len": len, "abs": abs, "int": int, "float": float}

Fired = list[int]


class OnlineProgram:
    """Evaluates vectors; safe to share between threads, since it keeps nothing of an evaluation."""

    def __init__(
        self,
        drivers: Sequence[Callable[..., Any]],
        lists: tuple[str, ...],
        memos: int,
        repeated: bool,
        slow: SlowPath,
        reads: list[tuple[tuple[str, int], ...]],
        functions: list[FunctionType],
    ) -> None:
        """`reads`: per rule, the paths that an explanation shows, with their slots.

        `functions`: all of them, callees before their callers.
        """
        self._drivers = tuple(drivers)
        self._lists = lists
        self._memos = memos
        self._repeated = repeated
        self._slow = slow
        self.reads = reads
        self.functions = functions
        self.faults = 0

    def evaluate(self, values: Sequence[Any], lists: Lists) -> Fired:
        """Numbers of the rules that fire.

        `values`: one entry a slot, None where missing. `lists`: name -> collection of texts; a list
        that is not given is empty.
        """
        known: list[Any] = [None] * self._memos
        known[0] = [lists.get(name, _NOTHING) for name in self._lists]
        fired: Fired = []
        try:
            for drive in self._drivers:
                drive(values, known, fired.append)
        except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
            self.faults += 1
            return self._slow.fired(values, lists)
        if self._repeated and len(fired) > 1:
            return sorted(set(fired))
        fired.sort()
        return fired

    def fired_values(self, rule: int, values: Sequence[Any]) -> dict[str, Any]:
        """What an explanation shows of a rule that fired: path -> value, absent ones as None."""
        return {path: values[slot] for path, slot in self.reads[rule]}

    def errors(self, values: Sequence[Any], lists: Lists) -> dict[int, str]:
        """Rule number -> error code of this payment; exact and slow (milliseconds): sample it."""
        return self._slow.errors(values, lists)


def functions_of(
    image: OnlineImage, slots: Mapping[str, int]
) -> tuple[list[Callable[..., Any]], int]:
    """Functions of a small image and the length of the memory that each call needs."""
    loader = Loader(image, slots)
    for _ in loader.steps():
        pass
    return loader.functions, loader.memos


class Loader:
    """Makes functions of an image; `steps` yields between pieces of work."""

    def __init__(self, image: OnlineImage, slots: Mapping[str, int]) -> None:
        self._image = image
        self._slots = slots
        self._memos: dict[int, int] = {}
        self._lists = {name: place for place, name in enumerate(image.lists)}
        self._globals: list[dict[str, Any]] = []
        self._functions: list[FunctionType] = []
        self._asked: dict[int, Callable[..., Any]] = {}
        self._tables: dict[str, Callable[..., Any]] = {}

    def steps(self) -> Iterator[None]:
        """Do the work; afterwards `functions` and `memos` are there."""
        for number, (code, _) in enumerate(self._image.chunks):
            self._functions.append(self._function(code))
            if number % LOAD_STEP == LOAD_STEP - 1:
                yield
        for path, table in self._image.tables.items():
            filed = {
                value: tuple(self._functions[chunk] for chunk in chunks)
                for value, chunks in table.items()
            }
            self._tables[path] = filed.get
            yield
        for number, (_, names) in enumerate(self._image.chunks):
            for name, kind, payload in names:
                self._globals[number][name] = self._symbol(kind, payload)
            if number % LOAD_STEP == LOAD_STEP - 1:
                yield

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """The functions that are called from outside, in the image's order."""
        return [self._functions[chunk] for chunk in self._image.drivers]

    @property
    def memos(self) -> int:
        """Length of the memory that an evaluation needs."""
        return len(self._memos) + 1

    def program(self, slow: SlowPath, reads: list[tuple[tuple[str, int], ...]]) -> OnlineProgram:
        """The loaded program."""
        image, drivers = self._image, self.functions
        return OnlineProgram(
            drivers, image.lists, self.memos, image.repeated, slow, reads, self._functions
        )

    def _function(self, code: bytes) -> FunctionType:
        names: dict[str, Any] = {"__builtins__": _BUILTINS, "E": ERROR}
        loaded = marshal.loads(code)  # noqa: S302 - our own compiler's bytes, digest checked
        assert isinstance(loaded, CodeType)
        self._globals.append(names)
        return FunctionType(loaded, names)

    def _symbol(self, kind: str, payload: Any) -> Any:
        if kind == "slot":
            return self._slots[payload]
        if kind == "memo":
            return self._memos.setdefault(payload, len(self._memos) + 1)
        if kind == "set":
            return frozenset(payload)
        if kind == "list":
            return self._lists[payload]
        if kind == "pattern":
            return pattern_of(payload)
        if kind == "helper":
            return HELPERS[payload]
        if kind == "table":
            return self._tables[payload]
        if kind == "chunk":
            return self._functions[payload]
        if kind == "part":
            return self._functions[self._image.parts[payload]]
        return self._asking(payload) if kind == "atom" else payload

    def _asking(self, atom: int) -> Callable[..., Any]:
        found = self._image.asked[atom]
        if isinstance(found, int):
            return self._functions[found]
        if atom not in self._asked:
            tree, paths, lists = found
            slots = [(path, self._slots[path]) for path in paths]
            places = [(name, self._lists[name]) for name in lists]
            self._asked[atom] = asking(tree, slots, places, self._symbol("memo", atom))
        return self._asked[atom]
