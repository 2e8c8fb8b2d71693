"""How a method made from an operation looks to people: name, text and signature.

Guards: `help()` and editors that read a running program see what type checkers see: `self` in place
of the set-up, and the answer in place of the call that asks for it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_CARRIER: Final = re.compile(r"(?:Call|Choice|Pages)\[(.*)\]\Z", re.DOTALL)


def dressed(method: F, build: Callable[..., Any], shape: str = "{}") -> F:
    """`method` with the looks of `build`; `shape` is what it gives, around the answer's type."""
    given = inspect.signature(build)
    found = _CARRIER.match(str(given.return_annotation))
    if found is None:
        raise TypeError(f"{build.__name__} gives no call")
    _setup, *rest = given.parameters.values()
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__name__ = build.__name__
    method.__doc__ = build.__doc__
    signature = given.replace(
        parameters=[own, *rest], return_annotation=shape.format(found.group(1))
    )
    setattr(method, "__signature__", signature)  # noqa: B010 - functions have it, types do not say
    return method
