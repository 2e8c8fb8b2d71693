"""Tokens into a syntax tree: recursive descent with precedence climbing, macros expanded.

Guards: at most 64 levels of brackets and a tree of at most 128 levels, whatever the text, so that
no later pass can exhaust the stack; every refusal names its place. Chains of `&&` and `||` become
balanced trees, in source order: both operators are associative (also in what they absorb), so a
chain of thousands of terms stays shallow, and `(a && b) && c` and `a && (b && c)` are one tree.
Order: limits, tokens, tree, depth. Not done here: names and types (`checker`), window macros.
Messages of protocol buffers and optional selection are not supported and refused.
Source: google/cel-spec, doc/langdef.md, "Syntax" and "Macros".
"""

from __future__ import annotations

from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.lexer import Places, Token, refuse_unreadable, tokens_of
from paywarden.risk.rules.cel.macros import expand
from paywarden.risk.rules.cel.numbers import number_of
from paywarden.risk.rules.cel.syntax import (
    Call,
    Expr,
    ListOf,
    Literal,
    MapOf,
    Name,
    Place,
    Select,
)
from paywarden.risk.rules.cel.tree import LOGIC, balanced, refuse_deep, terms_of
from paywarden.risk.rules.cel.types import BOOL, BYTES, NULL, STRING

MAX_NESTING = 64
RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"}
    | {"package", "namespace", "return", "var", "void", "while"}
)
_PRECEDENCE = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("<", "<=", ">=", ">", "==", "!=", "in"), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys("*/%", 5),
}
_FUNCTIONS = {mark: f"_{mark}_" for mark in _PRECEDENCE} | {"in": "@in"}


def parse(source: str) -> Expr:
    """The tree of `source`. Errors: CompileError with line and column; never RecursionError."""
    if not isinstance(source, str):
        raise TypeError("a condition is a str")
    places = Places(source)
    refuse_unreadable(source, places)
    try:
        expr = _Parser(tokens_of(source, places), places).whole()
    except RecursionError:
        detail = "the condition is nested too deeply for this thread's stack"
        raise CompileError("condition_too_deep", detail, Place(1, 1)) from None
    refuse_deep(expr)
    return expr


class _Parser:
    """One pass over one list of tokens; `_position` is the next token to read."""

    def __init__(self, tokens: list[Token], places: Places) -> None:
        self._tokens = tokens
        self._places = places
        self._position = 0
        self._nesting = 0

    def whole(self) -> Expr:
        expr = self._expression()
        token = self._tokens[self._position]
        if token.kind != "end":
            raise self._unexpected(token, "an operator or the end")
        return expr

    # --- levels of the grammar -------------------------------------------------------------

    def _expression(self) -> Expr:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            detail = f"more than {MAX_NESTING} levels of brackets; split the condition"
            raise self._error("condition_too_deep", detail, self._tokens[self._position])
        expr = self._binary(1)
        if self._tokens[self._position].kind == "?":
            expr = self._conditional(expr)
        self._nesting -= 1
        return expr

    def _conditional(self, condition: Expr) -> Expr:
        place = self._place(self._next())
        chosen = self._binary(1)
        self._expect(":")
        other = self._expression()
        return Call("_?_:_", (condition, chosen, other), False, place)

    def _binary(self, lowest: int) -> Expr:
        left = self._unary()
        while True:
            token = self._tokens[self._position]
            level = _PRECEDENCE.get(token.kind, 0)
            if level < lowest:
                return left
            if level <= 2:
                left = self._logic(left, token.kind, level)
                continue
            self._position += 1
            right = self._binary(level + 1)
            function = _FUNCTIONS[token.kind]
            left = Call(function, (left, right), False, self._place(token))

    def _logic(self, first: Expr, mark: str, level: int) -> Expr:
        function = LOGIC[mark]
        terms = terms_of(first, function)
        places = []
        while self._tokens[self._position].kind == mark:
            places.append(self._place(self._next()))
            terms += terms_of(self._binary(level + 1), function)
        return balanced(function, terms, places[0])

    def _unary(self) -> Expr:
        token = self._tokens[self._position]
        if token.kind not in ("!", "-"):
            return self._member()
        marks = []
        while self._tokens[self._position].kind == token.kind:
            marks.append(self._next())
        if token.kind == "-" and self._tokens[self._position].kind in ("int", "double"):
            expr = self._selectors(self._number(marks.pop()))
        else:
            expr = self._member()
        for mark in reversed(marks):
            expr = Call(f"{mark.kind}_", (expr,), False, self._place(mark))
        return expr

    def _member(self) -> Expr:
        return self._selectors(self._primary())

    def _selectors(self, expr: Expr) -> Expr:
        while True:
            token = self._tokens[self._position]
            if token.kind == ".":
                self._position += 1
                expr = self._field(expr)
            elif token.kind == "[":
                self._position += 1
                index = self._expression()
                self._expect("]")
                expr = Call("_[_]", (expr, index), False, self._place(token))
            elif token.kind == "{":
                detail = "messages are not supported; use a map literal"
                raise self._error("unsupported", detail, token)
            else:
                return expr

    def _field(self, target: Expr) -> Expr:
        token = self._next()
        if token.kind not in ("name", "quoted"):
            raise self._unexpected(token, "a field name")
        name = str(token.value)
        if token.kind == "name" and self._tokens[self._position].kind == "(":
            arguments = self._arguments()
            return expand(Call(name, (target, *arguments), True, self._place(token)))
        return Select(target, name, False, target.place)

    # --- primaries -------------------------------------------------------------------------

    def _primary(self) -> Expr:
        token = self._tokens[self._position]
        kind = token.kind
        if kind in ("name", "."):
            return self._name()
        if kind in ("int", "double"):
            return self._number(None)
        if kind == "-" and self._tokens[self._position + 1].kind in ("int", "double"):
            self._position += 1
            return self._number(token)
        if kind == "[":
            return self._list()
        if kind == "{":
            return self._map()
        self._position += 1
        if kind == "(":
            expr = self._expression()
            self._expect(")")
            return expr
        return self._constant(token)

    def _constant(self, token: Token) -> Expr:
        place = self._place(token)
        if token.kind == "string":
            return Literal(token.value, STRING, place)
        if token.kind == "bytes":
            return Literal(token.value, BYTES, place)
        if token.kind in ("true", "false"):
            return Literal(token.kind == "true", BOOL, place)
        if token.kind == "null":
            return Literal(None, NULL, place)
        raise self._unexpected(token, "a value")

    def _name(self) -> Expr:
        first = self._tokens[self._position]
        rooted = first.kind == "."
        self._position += rooted
        token = self._next()
        if token.kind != "name":
            raise self._unexpected(token, "a name")
        name = str(token.value)
        if name in RESERVED:
            detail = f"`{name}` is a reserved word and cannot be a name"
            raise self._error("reserved_word", detail, token)
        if self._tokens[self._position].kind == "(":
            return expand(Call(name, self._arguments(), False, self._place(first)))
        return Name("." + name if rooted else name, self._place(first))

    def _number(self, sign: Token | None) -> Expr:
        token = self._next()
        return number_of(token, self._place(sign or token), negative=sign is not None)

    def _list(self) -> Expr:
        place = self._place(self._next())
        items: list[Expr] = []
        while self._tokens[self._position].kind != "]":
            items.append(self._expression())
            if not self._comma("]"):
                break
        self._expect("]")
        return ListOf(tuple(items), place)

    def _map(self) -> Expr:
        place = self._place(self._next())
        entries: list[tuple[Expr, Expr]] = []
        while self._tokens[self._position].kind != "}":
            key = self._expression()
            self._expect(":")
            entries.append((key, self._expression()))
            if not self._comma("}"):
                break
        self._expect("}")
        return MapOf(tuple(entries), place)

    def _arguments(self) -> tuple[Expr, ...]:
        self._expect("(")
        arguments: list[Expr] = []
        if self._tokens[self._position].kind != ")":
            arguments.append(self._expression())
            while self._tokens[self._position].kind == ",":
                self._position += 1
                arguments.append(self._expression())
        self._expect(")")
        return tuple(arguments)

    # --- tokens ----------------------------------------------------------------------------

    def _comma(self, closing: str) -> bool:
        token = self._tokens[self._position]
        if token.kind == ",":
            self._position += 1
            return True
        if token.kind != closing:
            raise self._unexpected(token, f"`,` or `{closing}`")
        return False

    def _next(self) -> Token:
        token = self._tokens[self._position]
        if token.kind != "end":
            self._position += 1
        return token

    def _expect(self, kind: str) -> None:
        token = self._next()
        if token.kind != kind:
            raise self._unexpected(token, f"`{kind}`")

    def _place(self, token: Token) -> Place:
        return self._places.at(token.offset)

    def _error(self, code: str, detail: str, token: Token) -> CompileError:
        return CompileError(code, detail, self._place(token))

    def _unexpected(self, token: Token, wanted: str) -> CompileError:
        if token.kind == "end":
            return self._error("syntax_error", f"the text ends where {wanted} is missing", token)
        found = token.kind if token.kind in ("string", "bytes") else f"`{shown(str(token.value))}`"
        return self._error("syntax_error", f"found {found} where {wanted} is missing", token)
