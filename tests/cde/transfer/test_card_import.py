"""Import of cards over the real vault's rules: results without numbers, gone on after any stop."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from paywarden.cde.frame_format import Refused
from paywarden.cde.transfer.importing import BATCH_ROWS, Importing, Results
from paywarden.cde.vault import wire
from paywarden.core.errors import Conflict, Unavailable
from vault_kit import EDGE, MERCHANT, SCOPE, House, spread_card

SOURCE = "one"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    await made.start()
    yield made
    await made.stop()


class Door:
    """The vault's handler as a port; ends after so many asks, to stop an import anywhere."""

    def __init__(self, house: House, asks: int = 10**9) -> None:
        self.house, self.left, self.asked = house, asks, 0

    async def tokenise(
        self, scope: str, merchant: str, caller: str, cards: Any
    ) -> list[wire.TokenAnswer] | Refused:
        if self.left == 0:
            raise Unavailable("cde_unreachable", "gone")
        self.left -= 1
        self.asked += 1
        asked = wire.Tokenise(scope, merchant, caller, list(cards))
        answer = await self.house.vault.handle(EDGE, asked)  # type: ignore[union-attr]
        return answer if isinstance(answer, Refused) else answer.answers


def row(n: int, **changed: Any) -> bytes:
    fields = {"reference": f"old-{n}", "number": spread_card(n).decode(), "expiry": "2031-07"}
    return json.dumps({**fields, **changed}).encode()


def rows(count: int) -> Iterator[bytes]:
    return iter([row(n) for n in range(count)])


async def imported(door: Door, path: Path, source: Iterator[bytes]) -> Any:
    results = Results(path, SOURCE)
    try:
        return await Importing(door, SCOPE, MERCHANT, "import").run(source, results)
    finally:
        results.close()


def told(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


async def test_rows_become_tokens_or_codes_and_no_number_is_written(
    house: House, tmp_path: Path
) -> None:
    bad = "4111111111111112"
    given = [
        row(1), row(2), row(1, reference="again"), row(3, number=bad),
        row(4, expiry="2019-01"), b"{", b"", row(5, cvv="123"),
        row(6, reference=spread_card(6).decode()), row(7, number="４" * 16), row(8),
    ]  # fmt: skip
    path = tmp_path / "results"
    receipt = await imported(Door(house), path, iter(given))
    found = told(path)
    assert [one["row"] for one in found] == list(range(1, len(given) + 1))
    codes = [one.get("code", "") for one in found]
    assert codes[:3] == ["", "", ""] and codes[-1] == ""
    assert codes[3] == "card_number_check_digit" and codes[4] == "card_expired"
    assert codes[5:10] == ["row_malformed"] * 5
    assert found[2]["token"] == found[0]["token"]
    assert (receipt.rows, receipt.made + receipt.existing, receipt.finished) == (11, 4, True)
    assert sum(receipt.refused.values()) == 7
    text = path.read_text()
    for number in (bad, *(spread_card(n).decode() for n in range(1, 9))):
        assert number not in text
    taken = await house.take(found[1]["token"])
    assert isinstance(taken, wire.Taken)
    assert house.opened(taken) == spread_card(2)


async def test_an_import_goes_on_where_it_stopped(house: House, tmp_path: Path) -> None:
    count, path = 3 * BATCH_ROWS + 5, tmp_path / "results"
    whole = tmp_path / "whole"
    with pytest.raises(Unavailable):
        await imported(Door(house, asks=2), path, rows(count))
    assert len(told(path)) == 2 * BATCH_ROWS
    with path.open("r+b") as file:  # killed in the middle of a line
        file.truncate(path.stat().st_size - 7)
    door = Door(house)
    receipt = await imported(door, path, rows(count))
    assert (receipt.rows, receipt.finished) == (count, True)
    tokens = [one["token"] for one in told(path)]
    assert len(set(tokens)) == count
    await imported(Door(house), whole, rows(count))
    assert [one["token"] for one in told(whole)] == tokens  # nothing was made twice
    again = await imported(Door(house), path, rows(count))
    assert (again.rows, again.made, again.sha256 == receipt.sha256) == (count, receipt.made, True)


async def test_a_cap_pauses_an_import_and_refuses_no_row(house: House, tmp_path: Path) -> None:
    class Capped(Door):
        async def tokenise(self, *asked: Any) -> Any:
            found = await super().tokenise(*asked)
            return [wire.TokenRefused("card_cap_caller") if n == 10 and self.asked == 2 else one
                    for n, one in enumerate(found)]  # fmt: skip

    path = tmp_path / "results"
    receipt = await imported(Capped(house), path, rows(100))
    assert (receipt.rows, receipt.finished) == (BATCH_ROWS + 10, False)
    receipt = await imported(Door(house), path, rows(100))
    assert (receipt.rows, receipt.finished, dict(receipt.refused)) == (100, True, {})


async def test_results_of_another_file_are_kept(house: House, tmp_path: Path) -> None:
    path = tmp_path / "results"
    await imported(Door(house), path, rows(2))
    with pytest.raises(Conflict, match="results_of_another_file"):
        Results(path, "other")
    assert len(told(path)) == 2
    assert path.stat().st_mode & 0o777 == 0o600
