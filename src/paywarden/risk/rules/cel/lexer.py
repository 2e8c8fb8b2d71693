"""Text of a condition into tokens: first the limits, then one pass of a linear pattern.

Guards: at most 65,536 code points; text that is no Unicode (lone surrogates) is refused with its
place; every escape is checked here, so that a literal is a value when the parser sees it. Integers
are range-checked by the parser, which alone knows their sign. Not done here: reserved words, which
are allowed as field names. Source: google/cel-spec, doc/langdef.md, "Syntax" and "String and Bytes
Values".
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.syntax import Place

MAX_CHARACTERS = 65_536

_PATTERN = re.compile(
    r"""
    (?P<skip>[\t\n\f\r\ ]+ | //[^\n]*)
  | (?P<double>[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)? | [0-9]+[eE][+-]?[0-9]+)
  | (?P<int>(?:0[xX][0-9a-fA-F]+|[0-9]+)[uU]?)
  | (?P<raw>[bB]?[rR](?:\"{3}[\s\S]*?\"{3} | '{3}[\s\S]*?'{3} | "[^"\r\n]*" | '[^'\r\n]*'))
  | (?P<text>[bB]?(?:
        \"{3}[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*\"{3}
      | '{3}[^'\\]*(?:(?:\\[\s\S]|'(?!''))[^'\\]*)*'{3}
      | "[^"\\\r\n]*(?:\\[^\r\n][^"\\\r\n]*)*"
      | '[^'\\\r\n]*(?:\\[^\r\n][^'\\\r\n]*)*'))
  | (?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
  | (?P<quoted>`[a-zA-Z0-9_.\-/\ ]+`)
  | (?P<mark>&&|\|\||[=!<>]=|[-+*/%!<>?:,.()\[\]{}])
  | (?P<bad>[\s\S])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(
    r"\\(?:(?P<plain>[\\?\"'`abfnrtv])|[xX](?P<x>[0-9a-fA-F]{2})|(?P<o>[0-3][0-7]{2})"
    r"|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<bad>[\s\S]?))"
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORDS = frozenset({"true", "false", "null", "in"})


class Token(NamedTuple):
    """A token: `kind` is the mark or word itself, or double, int, string, bytes, name, quoted, end.

    `value` is the decoded literal for strings and bytes, else the text; `offset` counts code points
    from 0.
    """

    kind: str
    value: str | bytes
    offset: int


class Places:
    """Offsets of one text into lines and columns."""

    def __init__(self, text: str) -> None:
        self._starts = [0]
        if "\n" in text:
            self._starts += [found.end() for found in re.finditer("\n", text)]

    def at(self, offset: int) -> Place:
        """The place of the code point at `offset`."""
        if len(self._starts) == 1:
            return Place(1, offset + 1)
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)


def tokens_of(text: str, places: Places) -> list[Token]:
    """Tokens of `text` with a final `end` token. Errors: CompileError."""
    tokens: list[Token] = []
    append = tokens.append
    for found in _PATTERN.finditer(text):
        kind = found.lastgroup
        if kind == "skip":
            continue
        value = found.group()
        offset = found.start()
        if kind == "mark":
            append(Token(value, value, offset))
        elif kind == "name":
            append(Token(value if value in _WORDS else "name", value, offset))
        elif kind in ("raw", "text"):
            append(_string(value, offset, places, raw=kind == "raw"))
        elif kind == "quoted":
            append(Token("quoted", value[1:-1], offset))
        elif kind == "bad":
            raise _unreadable(value, places.at(offset))
        else:
            append(Token(str(kind), value, offset))
    append(Token("end", "", len(text)))
    return tokens


def refuse_unreadable(text: str, places: Places) -> None:
    """Refuse a text that is too long or holds a lone surrogate. Errors: CompileError."""
    if len(text) > MAX_CHARACTERS:
        detail = f"a condition has at most {MAX_CHARACTERS} characters; split it into several rules"
        raise CompileError("condition_too_long", detail, Place(1, 1))
    if text.isascii():
        return
    lone = re.search("[\ud800-\udfff]", text)
    if lone:
        detail = "half of a surrogate pair is no character; write the text as UTF-8"
        raise CompileError("not_unicode", detail, places.at(lone.start()))


def _unreadable(character: str, place: Place) -> CompileError:
    if character in "\"'":
        detail = "the string that begins here does not end; close it with the same quotes"
        return CompileError("unterminated_string", detail, place)
    if character == "`":
        detail = "a quoted field name holds letters, digits, _ . - / and spaces between backticks"
        return CompileError("syntax_error", detail, place)
    hint = {"=": "; write ==", "&": "; write &&", "|": "; write ||"}.get(character, "")
    detail = f"the character U+{ord(character):04X} has no meaning here{hint}"
    return CompileError("syntax_error", detail, place)


def _string(literal: str, offset: int, places: Places, *, raw: bool) -> Token:
    is_bytes = literal[0] in "bB"
    start = is_bytes + raw
    quotes = 3 if literal[start : start + 3] in ('"""', "'''") else 1
    start += quotes
    body = literal[start:-quotes]
    if is_bytes:
        return Token("bytes", _bytes(body, offset + start, places, raw=raw), offset)
    if raw or "\\" not in body:
        return Token("string", body, offset)

    def decode(found: re.Match[str]) -> str:
        return _character(found, places, offset + start)

    return Token("string", _ESCAPE.sub(decode, body), offset)


def _character(found: re.Match[str], places: Places, base: int) -> str:
    kind = found.lastgroup
    digits = found.group(kind or 0)
    if kind == "plain":
        return _PLAIN.get(digits, digits)
    if kind == "bad":
        raise _bad_escape("unknown escape sequence", places.at(base + found.start()))
    code = int(digits, 8 if kind == "o" else 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise _bad_escape("the escape names no character", places.at(base + found.start()))
    return chr(code)


def _bytes(body: str, base: int, places: Places, *, raw: bool) -> bytes:
    if raw or "\\" not in body:
        return body.encode()
    pieces: list[bytes] = []
    end = 0
    for found in _ESCAPE.finditer(body):
        pieces.append(body[end : found.start()].encode())
        pieces.append(_octets(found, places, base))
        end = found.end()
    pieces.append(body[end:].encode())
    return b"".join(pieces)


def _octets(found: re.Match[str], places: Places, base: int) -> bytes:
    kind = found.lastgroup
    digits = found.group(kind or 0)
    if kind == "plain":
        return _PLAIN.get(digits, digits).encode()
    if kind in ("x", "o"):
        return bytes([int(digits, 8 if kind == "o" else 16)])
    place = places.at(base + found.start())
    if kind == "bad":
        raise _bad_escape("unknown escape sequence", place)
    raise _bad_escape("bytes have no \\u or \\U escapes; write \\x", place)


def _bad_escape(detail: str, place: Place) -> CompileError:
    return CompileError("bad_escape", detail, place)
