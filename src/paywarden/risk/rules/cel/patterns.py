"""Regular expressions of `matches`: RE2, linear in the text whatever the pattern.

Guards: a pattern has at most 1,000 code points and compiles within 1 MiB, so that a repeated group
of groups is refused instead of filling memory. Compiled patterns are kept, the 512 used last.
Matching searches anywhere in the text; anchor with ^ and $. Source: google/cel-spec,
doc/langdef.md, "matches"; RE2 syntax.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

MAX_PATTERN = 1_000
_MAX_MEMORY = 1 << 20


@lru_cache(maxsize=512)
def pattern_of(text: str) -> Any:
    """The compiled pattern. Errors: ValueError, whose text holds no part of the pattern."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    options.never_capture = True
    try:
        return re2.compile(text, options)
    except re2.error:
        raise ValueError("the pattern is no RE2 expression or too large when expanded") from None


def found(pattern: str, text: str) -> bool:
    """Whether `pattern` matches anywhere in `text`. Errors: ValueError."""
    return pattern_of(pattern).search(text) is not None
