"""Reading lists of sanctions: time, entries a second and memory, by format.

Run: `python bench/screening_lists.py [--folder DIR] [--entries N] [--json]`. Without a folder (the
evaluation data, or lists of one's own) invented UN and own lists of N entries are read, so growth
shows: the time per entry should not rise with N. Process time is used, for shared machines.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import tracemalloc
from pathlib import Path

from paywarden.aml.screening.snapshots.comparing import compare
from paywarden.aml.screening.sources.reading import read_folder

ENTRY = (
    "<INDIVIDUAL><FIRST_NAME>Invented</FIRST_NAME><SECOND_NAME>Quill {0}</SECOND_NAME>"
    "<UN_LIST_TYPE>X</UN_LIST_TYPE><REFERENCE_NUMBER>ZZi.{0}</REFERENCE_NUMBER>"
    "<INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Alias {0}</ALIAS_NAME></INDIVIDUAL_ALIAS>"
    "<INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1962-03-05</DATE>"
    "</INDIVIDUAL_DATE_OF_BIRTH></INDIVIDUAL>"
)


def invented(folder: Path, count: int) -> None:
    body = "".join(ENTRY.format(number) for number in range(count))
    text = f"<CONSOLIDATED_LIST><INDIVIDUALS>{body}</INDIVIDUALS></CONSOLIDATED_LIST>"
    (folder / "un.xml").write_text(text)
    rows = "".join(f"{n},Invented Quill {n},Alias {n},1962-03-05,DE\n" for n in range(count))
    (folder / "own.csv").write_text(f"id,name,aliases,birth_date,country\n{rows}")


def measured(path: Path) -> dict[str, object]:
    began = time.process_time()
    read = read_folder(path)
    spent = time.process_time() - began
    began = time.process_time()
    compare(read.entities, read.entities)
    compared = time.process_time() - began
    return {
        "list": path.name,
        "entities": len(read.entities),
        "faults": len(read.faults),
        "cpu_s": round(spent, 3),
        "entities_per_cpu_s": round(len(read.entities) / spent),
        "compare_cpu_s": round(compared, 4),
        "peak_mb": round(_peak(path) / 1e6, 1),
    }


def _peak(path: Path) -> int:
    tracemalloc.start()
    read_folder(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="lists to read: each file, then all of them")
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    if arguments.folder:
        paths = [one for one in sorted(arguments.folder.iterdir()) if one.is_file()]
        rows = [measured(one) for one in (*paths, arguments.folder)]
    else:
        entries = 1_000 if arguments.quick else arguments.entries
        for count in (entries // 4, entries):
            with tempfile.TemporaryDirectory() as made:
                invented(Path(made), count)
                rows += [measured(Path(made) / name) for name in ("un.xml", "own.csv")]
    if arguments.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("  ".join(f"{name}={value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
