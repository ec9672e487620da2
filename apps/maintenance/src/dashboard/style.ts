export const style = `
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--ink:#1b1f27;--dim:#5d6879;--line:#e3e6eb;--good:#0f7351;--fair:#8a5a10;--poor:#b3261e;--info:#2f5bb7}
@media(prefers-color-scheme:dark){:root{--back:#12151b;--card:#1b2029;--ink:#e8ebf0;--dim:#98a2b3;--line:#2b323e;--good:#3ecf9b;--fair:#e8b04c;--poor:#f2776b;--info:#7aa7ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:75rem;padding:2rem 1.25rem 4rem;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{margin:0;font-size:1.6rem;overflow-wrap:anywhere}
h2{margin:2rem 0 .6rem;font-size:1.05rem}
p{margin:.15rem 0}
ul{margin:0;padding:0;list-style:none}
small{font-size:.9rem;font-weight:400;color:var(--dim)}
.dim,th,.code{color:var(--dim)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:.9rem;margin-top:1.5rem}
.tile{padding:.9rem 1.1rem;border:1px solid var(--line);border-radius:.6rem;background:var(--card)}
.tile h2{margin:0;color:var(--dim);font-size:.85rem;font-weight:500}
.big{font-size:1.9rem;font-weight:650;line-height:1.3;overflow-wrap:anywhere}
.good{color:var(--good)}.fair{color:var(--fair)}.poor{color:var(--poor)}
.history{display:block;width:100%;height:3rem;margin:.4rem 0;fill:none;stroke:var(--info);stroke-width:2}
.history polyline{vector-effect:non-scaling-stroke;stroke-linejoin:round}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:.6rem;background:var(--card)}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.45rem .8rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;white-space:nowrap}
td p{margin:0;max-width:32rem;white-space:normal}
tbody tr:last-child td{border-bottom:0}
th{font-weight:500;font-size:.85rem}
.figures th+th,.figures td+td{text-align:right}
.code,code{font:.8rem ui-monospace,monospace}
.badge{padding:.05rem .55rem;border:1px solid currentColor;border-radius:1rem;font-size:.8rem;color:var(--dim)}
.running,.queued{color:var(--info)}.succeeded{color:var(--good)}.paused,.interrupted{color:var(--fair)}.failed{color:var(--poor)}
.bar{display:inline-block;width:5rem;height:.5rem;border-radius:.25rem;background:var(--line);overflow:hidden;color:var(--info)}
.bar i{display:block;height:100%;background:currentColor}
.bar.good{color:var(--good)}.bar.fair{color:var(--fair)}.bar.poor{color:var(--poor)}
.parts li{display:grid;grid-template-columns:7rem 1fr 2.5rem 3rem;gap:1rem;align-items:center}
.parts .bar{width:100%}
.points{text-align:right;font-variant-numeric:tabular-nums}
.findings li{margin:.4rem 0;padding:.5rem .9rem;border:1px solid var(--line);border-left:4px solid var(--info);border-radius:.5rem;background:var(--card);overflow-wrap:anywhere}
.findings strong{font-weight:500}
.findings li li{margin:0;padding:0;border:0}
summary{cursor:pointer;color:var(--dim)}
details ul{margin:.4rem 0 .2rem 1rem}
.findings .warning{border-left-color:var(--fair)}.findings .critical{border-left-color:var(--poor)}
`;
