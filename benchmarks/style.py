"""The page's style sheet, with a light and a dark theme."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ground: #fcfcfa; --panel: #ffffff; --ink: #1c1f24; --quiet: #666d78; --line: #e4e5e1;
  --mine: #0b6e5f; --peer: #a9b1bd; --floor: #d9cfb6; --bad: #b3261e; --whisker: #1c1f24;
  --s1: #0b6e5f; --s2: #c2571a; --s3: #3b5bb5; --s4: #8c3f9e; --s5: #8a7a1c; --s6: #5d6673;
  --s7: #b03a5b; --s8: #2a8ca8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14161a; --panel: #1b1e24; --ink: #e8e8e4; --quiet: #9aa1ac; --line: #2f333b;
    --mine: #3fbfa6; --peer: #596270; --floor: #6d6450; --bad: #ff8a80; --whisker: #e8e8e4;
    --s1: #3fbfa6; --s2: #f0935a; --s3: #8ea6f0; --s4: #cf8fdf; --s5: #d3c25a; --s6: #a3acb9;
    --s7: #f0849f; --s8: #6cc7e0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 960px; margin: 0 auto; padding: 56px 24px 96px; }
h1 { text-wrap: balance; font-size: 2.1rem;
  line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 12px; }
h2 { font-size: 1.35rem; letter-spacing: -0.01em; margin: 72px 0 8px; }
h3 { font-size: 1rem; margin: 0 0 4px; }
p { max-width: 68ch; margin: 0 0 12px; }
.quiet, figcaption, dt { color: var(--quiet); }
nav { margin: 28px 0 0; display: flex; flex-wrap: wrap; gap: 4px 18px; }
a { color: var(--mine); text-underline-offset: 3px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr));
  gap: 16px; margin: 36px 0 0; }
.figure { background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 20px; }
.figure b { display: block; font-size: 2rem; line-height: 1.15; letter-spacing: -0.02em;
  color: var(--mine); font-variant-numeric: tabular-nums; }
.figure b.less { color: var(--s2); }
.figure span { color: var(--quiet); font-size: 0.9rem; line-height: 1.4; display: block;
  margin-top: 6px; }
figure { background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  margin: 20px 0 0; padding: 20px 22px 16px; overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 640px; height: auto; margin: 14px 0 6px; }
figcaption { font-size: 0.875rem; }
svg text { font: 13.5px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .label { fill: var(--ink); }
svg .label.mine { font-weight: 650; fill: var(--mine); }
svg .label.floor, svg .tick { fill: var(--quiet); }
svg .tick { font-size: 12px; }
svg .bar.mine { fill: var(--mine); }
svg .bar.peer { fill: var(--peer); }
svg .bar.floor { fill: var(--floor); }
svg .whisker { stroke: var(--whisker); stroke-width: 1.25; fill: none; opacity: 0.75; }
svg .grid { stroke: var(--line); stroke-width: 1; fill: none; }
svg .curve { fill: none; stroke-width: 2.25; stroke-linejoin: round; }
svg .dashed { stroke-dasharray: 5 5; }
svg .s1 { stroke: var(--s1); } svg .s2 { stroke: var(--s2); } svg .s3 { stroke: var(--s3); }
svg .s4 { stroke: var(--s4); } svg .s5 { stroke: var(--s5); } svg .s6 { stroke: var(--s6); }
svg .s7 { stroke: var(--s7); } svg .s8 { stroke: var(--s8); }
svg .dot { fill: var(--panel); stroke-width: 2; }
svg .flame { stroke: var(--panel); stroke-width: 1; }
svg .flame.mine { fill: var(--mine); } svg .flame.peer { fill: var(--peer); }
svg .flame.floor { fill: var(--floor); }
svg .frame { font-size: 11px; pointer-events: none; }
svg .frame.mine { fill: var(--panel); }
.key { display: flex; gap: 18px; flex-wrap: wrap; font-size: 0.875rem; color: var(--quiet); }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 3px;
  margin-right: 7px; vertical-align: -1px; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--quiet); font-weight: 500; }
td.number, th.number { text-align: right; white-space: nowrap; }
details { margin-top: 10px; }
summary { cursor: pointer; color: var(--quiet); font-size: 0.875rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 12px 0;
  font-size: 0.9375rem; }
dd { margin: 0; }
.bad { color: var(--bad); }
"""
