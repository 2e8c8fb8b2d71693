"""How a report looks: light, dark and on paper; figures right, words left. One constant."""

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
.b0{fill:var(--a)}.b1{fill:var(--b)}.b2{fill:var(--c)}
@media print{:root{--ink:#000;--paper:#fff;--soft:#333;--line:#bbb;--a:#1f5fa8;--b:#b3541e}
main{max-width:none;padding:0}.wide{overflow:visible}th,td{white-space:normal}h2{break-after:avoid}
svg,tr{break-inside:avoid}}
"""
