"""The condition language: Common Expression Language, front end and reference interpreter.

This package re-exports its three public names, and only them, because the documented Python
interface is `from paywarden.risk.rules import cel; cel.compile(source).evaluate(bindings)`.
"""

from paywarden.risk.rules.cel.errors import CompileError, EvaluationError
from paywarden.risk.rules.cel.program import compile

__all__ = ["CompileError", "EvaluationError", "compile"]
