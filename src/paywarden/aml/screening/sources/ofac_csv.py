"""OFAC's CSV files: main (`sdn.csv`, `cons_prim.csv`), aliases and addresses, joined by `ent_num`.

Three files without headings, recognised by their columns: 12 for the main file, 5 for aliases, 6
for addresses. They may be named anything, packed, and come for both lists at once. A main file
alone is read and noted; aliases or addresses alone are a fault of those files. The files end with
the octet 1A: a main file without it may be cut off between two rows, which is noted. `-0-` stands
for nothing. Source: OFAC, Data Formats and Schemas (dat_spec.txt).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.sources.drafting import Draft, natural_order
from paywarden.aml.screening.sources.faults import ListFault, malformed, truncated
from paywarden.aml.screening.sources.ofac_remarks import read_remarks
from paywarden.aml.screening.sources.ofac_xml import SCHEMAS, SOURCE
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.tabular import rows_of
from paywarden.aml.screening.sources.told import Told

WIDTHS: Final = {12: "ofac-csv-main", 5: "ofac-csv-aliases", 6: "ofac-csv-addresses"}
_TYPES: Final = frozenset(("individual", "-0-", "vessel", "aircraft", "entity", ""))
_ALIASES: Final = frozenset(("aka", "fka", "nka"))
NO_END: Final = "the end mark (octet 1A) is missing: the list may be cut off between two rows"


@dataclass(slots=True)
class OfacTables:
    """Aliases and addresses by number, as gathered before the main files are read."""

    aliases: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    lands: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def recognise_ofac(row: list[str]) -> str | None:
    """Which of the three files a first row is of, if any."""
    cells = [_told(one) for one in row]
    if len(cells) not in WIDTHS or not cells[0].isdecimal():
        return cells_of_heading(cells)
    if len(cells) == 12 and row[2].strip().casefold() in _TYPES:
        return WIDTHS[12]
    second = len(cells) in (5, 6) and cells[1].isdecimal()
    if second and len(cells) == 5 and cells[2].casefold() in _ALIASES:
        return WIDTHS[5]
    return WIDTHS[6] if second and len(cells) == 6 else None


def cells_of_heading(cells: list[str]) -> str | None:
    """The file whose columns a heading names, since some operators add one."""
    names = [one.casefold() for one in cells]
    return WIDTHS.get(len(cells)) if names[:1] == ["ent_num"] else None


def gather_aliases(content: Content, told: Told, tables: OfacTables) -> int:
    """Take in a file of aliases; how many rows. Errors: ListFault."""
    count = 0
    for _, row in _rows(content, told, 5):
        tables.aliases[row[0]].append((row[2].casefold(), row[3]))
        count += 1
    return count


def gather_addresses(content: Content, told: Told, tables: OfacTables) -> int:
    """Take in a file of addresses; how many rows. Errors: ListFault."""
    count = 0
    for _, row in _rows(content, told, 6):
        tables.lands[row[0]].append(row[4])
        count += 1
    return count


def read_ofac_csv(content: Content, told: Told, tables: OfacTables) -> Iterator[ListedEntity]:
    """All entries of a main file. Errors: ListFault."""
    if not tables.aliases:
        told.note("no file of aliases (alt.csv) lies beside it: aliases are missing")
    for line, row in _rows(content, told, 12):
        made = _entity(row, tables)
        if made is None:
            raise malformed("an entry has no name", line)
        yield made


def _entity(row: list[str], tables: OfacTables) -> ListedEntity | None:
    schema = SCHEMAS.get(row[2].casefold(), "Organization")
    person = schema == "Person"
    draft = Draft(SOURCE, row[0], schema)
    draft.name(natural_order(row[1]) if person else row[1], "primary")
    for _, alias in tables.aliases.get(row[0], ()):
        draft.name(natural_order(alias) if person else alias, "alias")
    for land in tables.lands.get(row[0], ()):
        draft.country(land)
    for program in row[3].split("] ["):
        draft.program(program.strip("[] "))
    draft.remark(row[4])
    draft.number("call_sign", row[5])
    draft.country(row[9])
    read_remarks(draft, row[11])
    return draft.entity()


def _rows(content: Content, told: Told, width: int) -> Iterator[tuple[int, list[str]]]:
    ended, last = False, 0
    for line, row in rows_of(content, told, ","):
        if row == ["\x1a"]:
            ended = True
            continue
        last = line
        cells = [_told(one) for one in row]
        if ended:
            raise malformed("rows follow the end mark", line)
        if not cells[0].isdecimal() and line == 1 and cells_of_heading(cells):
            continue
        if len(cells) < width:
            raise truncated(line)
        if len(cells) > width or not cells[0].isdecimal():
            raise malformed(f"a row has not the {width} columns of this file", line)
        yield line, cells
    if not last:
        raise ListFault("list_empty", "the file has no rows", "fetch it again")
    if not ended:
        told.note(NO_END)


def _told(cell: str) -> str:
    text = cell.strip()
    return "" if text == "-0-" else text
