"""The inventory of scripts and headers as a page to read (PCI DSS 4.0.1, 6.4.3 and 11.6.1).

Guards: made from the files themselves, so that it cannot say something else; a golden under
`docs/reference` shows every change, which whoever reviews it authorises.
"""

from __future__ import annotations

from paywarden.cde.fields.served import file_headers, files, page_headers

ORIGIN = "https://cards.example"
SHOP = "https://shop.example"


def markdown() -> str:
    """The page `docs/reference/hosted-fields-inventory.md`."""
    lines = [
        "# Inventory of the hosted card fields",
        "",
        "Made from `paywarden.cde.fields.served`: every script and style sheet that browsers get,",
        "why it is there, its hash; then the headers. A change of this page is a change of what",
        "runs on payment pages: whoever approves the change of this file authorises it",
        "(PCI DSS 4.0.1, 6.4.3). `paywarden cde page-check` compares what is really served with",
        "it (11.6.1).",
        "",
        "## Files",
        "",
        "| path | runs in | why | integrity |",
        "|---|---|---|---|",
        *(f"| `{one.path}` | {one.runs_in} | {one.why} | `{one.integrity}` |" for one in files()),
        "",
        "The page itself has no inline script, style or handler, and no part of others.",
        "",
        f"## Headers of the page (origin `{ORIGIN}`, session of `{SHOP}`)",
        "",
        *_table([*page_headers(ORIGIN, (SHOP,)), *_ALWAYS]),
    ]
    for one in files():
        lines += ["", f"## Headers of `{one.path}`", ""]
        lines += _table([*file_headers(ORIGIN, one.name), *_ALWAYS])
    return "\n".join(lines) + "\n"


_ALWAYS = (("cache-control", "no-store"), ("x-content-type-options", "nosniff"))


def _table(headers: list[tuple[str, str]]) -> list[str]:
    return ["| header | value |", "|---|---|", *(f"| `{k}` | `{v}` |" for k, v in headers)]
