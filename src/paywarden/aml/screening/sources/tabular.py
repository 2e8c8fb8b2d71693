"""Rows of CSV files with their line numbers, decoded and told apart from truncated ones.

Guards: UTF-8 (or UTF-16 with a mark) and, where a file is neither, Windows-1252 with a note; a file
that ends inside a character, inside quotes or with a short last row was cut off. More cells than
columns mean an unquoted separator, which would shift every value: refused. Fewer cells are allowed
where `padded`. Unknown columns are the reader's to skip.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

from paywarden.aml.screening.sources.faults import malformed, truncated
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.told import Told

_CHUNK: Final = 1 << 20
UNENDED: Final = "the last line has no end: the list may have been cut off there"


def encoding_of(content: Content, told: Told) -> str:
    """Encoding of a text, after reading it once. Errors: ListFault."""
    with content.stream() as stream:
        first = stream.read(_CHUNK)
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        chunk, last = first, b""
        try:
            while chunk:
                decoder.decode(chunk)
                last = chunk[-1:]
                chunk = stream.read(_CHUNK)
        except UnicodeDecodeError:
            told.note("the file is not UTF-8 and was read as Windows-1252")
            return "cp1252"
        if decoder.getstate()[0]:
            raise truncated()
        if last not in (b"\n", b"\r", b"\x1a"):
            told.note(UNENDED)
    return "utf-8-sig"


def rows_of(content: Content, told: Told, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row that is not empty. Errors: ListFault."""
    encoding = encoding_of(content, told)
    line = 0
    with content.stream() as stream:
        text = io.TextIOWrapper(stream, encoding, newline="")
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                line = reader.line_num
                if any(cell.strip() for cell in row):
                    yield line, row
        except csv.Error as fault:
            if "unexpected end" in str(fault):
                raise truncated(reader.line_num) from fault
            raise malformed("a cell is wrongly quoted or too long", line + 1) from fault
        except UnicodeDecodeError as fault:
            if "truncated" in fault.reason or "unexpected end" in fault.reason:
                raise truncated(line + 1) from fault
            raise malformed("the text is in no known encoding", line + 1) from fault
        finally:
            text.detach()


def named_rows(
    rows: Iterator[tuple[int, list[str]]], header: Sequence[str], told: Told, *, padded: bool
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows as mappings from column to cell. Errors: ListFault."""
    width = len(header)
    short: int | None = None
    for line, row in rows:
        if short is not None and not padded:
            raise malformed("a row has fewer cells than there are columns", short)
        if len(row) > width and any(cell.strip() for cell in row[width:]):
            raise malformed(
                "a row has more cells than there are columns; put cells with separators in quotes",
                line,
            )
        short = line if len(row) < width else None
        yield line, dict(zip(header, (*row, *[""] * (width - len(row))), strict=False))
    if short is not None and (not padded or UNENDED in told.notes):
        raise truncated(short)
