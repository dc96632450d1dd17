"""The style sheet of a page: light and dark, on a phone and on a wide screen."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ground: #fbfbf9; --panel: #ffffff; --ink: #1b1f24; --quiet: #5f6772; --line: #e3e5e1;
  --mark: #0b6e5f; --bad: #b3261e; --tint: 11, 110, 95;
  --s1: #0b7a69; --s2: #c8571b; --s3: #3d5fc0; --s4: #8f3f9e; --s5: #84740f; --s6: #5d6673;
  --s7: #b83a5e; --s8: #1e86a3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131519; --panel: #1a1d23; --ink: #e9e9e5; --quiet: #9ba3ae; --line: #2e323a;
    --mark: #45c4ab; --bad: #ff8a80; --tint: 69, 196, 171;
    --s1: #45c4ab; --s2: #f29a63; --s3: #90a8f4; --s4: #d394e3; --s5: #d6c65c; --s6: #a6afbb;
    --s7: #f28aa4; --s8: #70cbe4;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 48px 28px 88px; }
h1 { font-size: 2rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 10px;
  text-wrap: balance; }
h2 { font-size: 1.3rem; line-height: 1.3; letter-spacing: -0.01em; margin: 60px 0 6px; }
h3 { font-size: 1rem; line-height: 1.35; margin: 0 0 4px; }
section + footer { margin-top: 44px; }
p, ul, ol { max-width: 70ch; margin: 0 0 12px; }
.lead, .quiet, figcaption, figure > p { color: var(--quiet); }
.lead { font-size: 1.0625rem; }
figure > p { font-size: 0.9rem; margin: 0 0 8px; }
a { color: var(--mark); text-underline-offset: 3px; }
code { font: 0.9em/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
pre { overflow-x: auto; margin: 0 0 12px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 14px;
  margin: 28px 0 0; }
.figures div { background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 18px; }
.figures b { display: block; font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.02em;
  color: var(--mark); font-variant-numeric: tabular-nums; }
.figures span { color: var(--quiet); font-size: 0.875rem; line-height: 1.4; display: block;
  margin-top: 2px; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr));
  gap: 0 18px; }
figure { background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  margin: 18px 0 0; padding: 18px 20px 14px; min-width: 0; }
figcaption { font-size: 0.875rem; margin-top: 8px; }
.key { display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 0.875rem; margin: 6px 0 2px;
  padding: 0; list-style: none; max-width: none; }
.key i, th i { display: inline-block; width: 11px; height: 11px; border-radius: 3px;
  margin-right: 7px; vertical-align: -0.5px; background: var(--of); }
.s1 { --of: var(--s1); } .s2 { --of: var(--s2); } .s3 { --of: var(--s3); }
.s4 { --of: var(--s4); } .s5 { --of: var(--s5); } .s6 { --of: var(--s6); }
.s7 { --of: var(--s7); } .s8 { --of: var(--s8); }

.plot { display: grid; grid-template: 1fr 24px auto / auto 1fr; margin: 12px 0 2px;
  font-size: 0.78rem; color: var(--quiet); font-variant-numeric: tabular-nums; }
.plot .y { position: relative; text-align: right; padding-right: 8px; }
.plot .y b { visibility: hidden; font-weight: 400; display: block; height: 0; }
.plot .y span { position: absolute; right: 8px; transform: translateY(50%); white-space: nowrap;
  line-height: 1; }
.plot .x { position: relative; grid-column: 2; }
.plot .x span { position: absolute; top: 6px; transform: translateX(-50%); white-space: nowrap;
  line-height: 1.2; }
.plot .x span.last { transform: translateX(-100%); }
.plot .x span.first { transform: none; }
.plot .along { grid-column: 2; text-align: right; }
.plot svg { display: block; width: 100%; height: 250px; overflow: visible; }
.plot svg * { vector-effect: non-scaling-stroke; }
.plot .grid { stroke: var(--line); stroke-width: 1; fill: none; }
.plot .curve { fill: none; stroke: var(--of); stroke-width: 2.25; stroke-linejoin: round; }
.plot .area { fill: var(--of); opacity: 0.13; stroke: none; }
.plot .dot { stroke: var(--of); stroke-width: 9; stroke-linecap: round; fill: none; }
.plot .whisker { stroke: var(--of); stroke-width: 1.25; opacity: 0.6; fill: none; }

.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; line-height: 1.4;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; font-weight: 400; }
thead th { color: var(--quiet); vertical-align: bottom; }
tbody th { font-weight: 550; }
td.number, th.number { text-align: right; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
table.bars th { width: 1%; padding-right: 18px; white-space: nowrap; }
table.bars td.number { width: 1%; }
td.bar { min-width: 110px; }
td.bar i { display: block; height: 14px; margin-top: 3px; border-radius: 3px; min-width: 1px;
  background: var(--of, var(--mark)); }
table.heat { width: auto; border-collapse: separate; border-spacing: 3px; }
table.heat th, table.heat td { border: 0; padding: 0; vertical-align: middle; }
table.heat tbody th { padding-right: 8px; text-align: right; white-space: nowrap; }
table.heat thead th { vertical-align: bottom; height: 1px; padding: 0 0 6px; }
table.heat thead span { writing-mode: vertical-rl; transform: rotate(180deg); display: inline-block;
  line-height: 1; white-space: nowrap; }
table.heat thead th { text-align: center; }
table.heat td { min-width: 54px; height: 40px; text-align: center; border-radius: 5px;
  font-size: 0.8rem; padding: 0 5px; background: var(--ground); }
table.heat td.none { color: transparent; }
.scale { display: flex; align-items: center; gap: 8px; font-size: 0.8rem; color: var(--quiet);
  margin: 8px 0 0; }
.scale i { width: 120px; height: 10px; border-radius: 3px;
  background: linear-gradient(90deg, rgba(var(--tint), 0.06), rgba(var(--tint), 0.62)); }

details { margin-top: 8px; }
summary { cursor: pointer; color: var(--quiet); font-size: 0.875rem; padding: 3px 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 20px; margin: 14px 0 0;
  font-size: 0.9375rem; }
dt { font-weight: 550; }
dd { margin: 0; color: var(--quiet); max-width: 70ch; }
ol.story { list-style: none; padding: 0; max-width: 90ch; margin: 12px 0; }
ol.story li { padding: 5px 0 5px 14px; border-left: 2px solid var(--line); }
ol.story time { color: var(--quiet); font-size: 0.875em; font-variant-numeric: tabular-nums;
  margin-right: 4px; }
ol.story li.bad { border-color: var(--bad); }
footer { margin-top: 6px; font-size: 0.875rem; color: var(--quiet); }
.bad { color: var(--bad); }
aside { border-left: 3px solid var(--bad); padding: 2px 0 2px 16px; margin: 24px 0 0; }
aside h2 { margin: 0 0 4px; color: var(--bad); }
.heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
@media (max-width: 620px) {
  main { padding: 28px 16px 56px; }
  h1 { font-size: 1.55rem; }
  h2 { margin-top: 44px; }
  figure { padding: 14px 14px 12px; }
  .figures { grid-template-columns: 1fr 1fr; gap: 10px; }
  .figures div { padding: 11px 13px; }
  .figures b { font-size: 1.35rem; }
  .plot svg { height: 200px; }
  .plot .minor { display: none; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 10px; }
  th, td { padding-right: 9px; }
  th.number { white-space: normal; }
  table { font-size: 0.8125rem; }
  table.heat { border-spacing: 2px; }
  table.heat td { min-width: 27px; height: 30px; padding: 0; font-size: 0.68rem; }
  table.heat th { font-size: 0.75rem; }
  td.bar { min-width: 60px; }
  table.bars th { padding-right: 10px; }
  table.heat tbody th { white-space: normal; padding-right: 5px; }
}
@media print { body { background: none; } figure { break-inside: avoid; } }
"""
