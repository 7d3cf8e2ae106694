"""The style of the page: dark text on white, verdict colours that the colour-blind tell apart."""

from __future__ import annotations

CSS = """\
:root { color: #1b1f24; background: #fff; font: 16px/1.5 system-ui, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; }
body { margin: 0; }
main { max-width: 1180px; margin: 0 auto; padding: 2rem 1.5rem 5rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .6rem; }
h2 { font-size: 1.4rem; line-height: 1.25; margin: 3.5rem 0 .5rem; padding-top: 1.2rem;
  border-top: 2px solid #1b1f24; }
h3 { font-size: 1.05rem; margin: 2rem 0 .3rem; }
p, ul { max-width: 74ch; margin: .5rem 0; }
ul { padding-left: 1.2rem; font-size: .94rem; }
sup { font-size: .72em; line-height: 0; }
a { color: #0b57a4; text-decoration-thickness: 1px; text-underline-offset: 2px; }
p.note { color: #57606a; font-size: .875rem; }
p.lead { font-size: 1.1rem; }
p.warning { border-left: 4px solid #d55e00; background: #fdf3ec; padding: .5rem .8rem; }
p.pieces { max-width: none; display: flex; flex-wrap: wrap; gap: .2rem .6rem;
  align-items: baseline; }
.wide { overflow-x: auto; margin: .6rem 0 1.4rem; }
.wide:focus-visible { outline: 2px solid #0b57a4; outline-offset: 2px; }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; min-width: 100%;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3rem 0 .4rem; font-size: .95rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0;
  border-bottom: 1px solid #d8dee4; }
th { vertical-align: bottom; max-width: 8.5rem; border-bottom: 1.5px solid #57606a;
  font-weight: 600; }
td { white-space: nowrap; }
td:first-child { white-space: normal; min-width: 6.5rem; max-width: 24rem; }
th.group { background: #eef1f4; border-bottom: 1px solid #8c959f; max-width: none;
  padding: .4rem .5rem; }
details { margin: .4rem 0 1rem; }
summary { cursor: pointer; color: #0b57a4; padding: .2rem 0; }
details .wide { max-height: 80vh; overflow: auto; }
details thead th { position: sticky; top: 0; background: #fff;
  box-shadow: 0 1.5px 0 #57606a; }
.number { text-align: right; }
tbody tr:hover { background: #f6f8fa; }
figure { margin: 1.2rem 0; }
img { max-width: 100%; height: auto; display: block; }
figcaption { color: #57606a; font-size: .875rem; margin-top: .3rem; max-width: 90ch; }
.chip { display: inline-block; white-space: nowrap; padding: 0 .5rem; margin: .08rem 0;
  border-radius: .75rem; border: 1.5px solid; font-weight: 600; font-size: .8125rem; }
.chip.agrees { color: #00508a; border-color: #0072b2; background: #e4f1f9; }
.chip.steeper { color: #00664b; border-color: #009e73; background: #e3f5ef; }
.chip.shallower { color: #fff; border-color: #b34700; background: #b34700; }
.chip.unresolved { color: #444c56; border-color: #8c959f; background: #f0f2f4; }
.chip.none { color: #444c56; border-color: #8c959f; border-style: dotted; background: #fff; }
@media (max-width: 640px) {
  main { padding: 1rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  h2 { font-size: 1.2rem; margin-top: 2.5rem; }
}
@media print {
  .wide, details .wide { overflow: visible; max-height: none; }
  figure, tr { break-inside: avoid; }
}
"""
