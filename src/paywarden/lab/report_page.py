"""What every report of the lab is made of: one HTML page that needs nothing else, and its tables.

Guards: no script, no outside request (a policy in the page forbids them); every text is escaped
here; readable on paper, in dark and light; wide tables scroll, and can be reached by keyboard.
Not done here: what a report says, and charts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root{color-scheme:light dark;--ink:#1d2530;--paper:#fff;--soft:#5b6675;--line:#d5dae1;
--a:#1f5fa8;--b:#b3541e;--c:#3d7a46}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--paper:#14181e;--soft:#a3adba;
--line:#39424e;--a:#79b2f2;--b:#efa06b;--c:#8fcf9a}}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:76rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.6rem;margin:.2em 0}h2{font-size:1.15rem;margin:2em 0 .5em}
code{font-size:.9em}.wide{overflow-x:auto}.wide:focus-visible{outline:2px solid var(--a)}
table{border-collapse:collapse;font-size:.86rem;font-variant-numeric:tabular-nums;margin:.6em 0}
caption{text-align:left;color:var(--soft);padding:.3em 0}
th,td{padding:.28em .7em;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th[scope=row],thead th:first-child{text-align:left;font-weight:500}
thead th{color:var(--soft);font-weight:600;vertical-align:bottom}
svg{width:100%;max-width:760px;height:auto;display:block;margin:.5em 0}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
.grid{stroke:var(--line)}.now{stroke:var(--soft);stroke-dasharray:3 3}
polyline{fill:none;stroke-width:2}.s0{stroke:var(--a)}.s1{stroke:var(--b)}.s2{stroke:var(--c)}
.whisker{stroke:var(--ink);stroke-width:2}.b0{fill:var(--a)}.b1{fill:var(--b)}.b2{fill:var(--c)}
@media print{:root{--ink:#000;--paper:#fff;--soft:#333;--line:#bbb;--a:#1f5fa8;--b:#b3541e}
main{max-width:none;padding:0}.wide{overflow:visible}th,td{white-space:normal}h2{break-after:avoid}
svg,tr{break-inside:avoid}}
"""


def html_page(title: str, parts: Iterable[str]) -> str:
    """The whole page; `parts` are HTML already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"{''.join(parts)}</main></body></html>\n"
    )


def table(name: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a caption; the first cell of a row heads it."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in names)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}"><table>'
        f"<caption>{escape(name)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )
