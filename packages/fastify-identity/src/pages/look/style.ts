/** The style of the pages; colours come from the variables of the theme. */
export const style = `
*,*::before,*::after{box-sizing:border-box}
[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;background:var(--id-background);color:var(--id-text);font:1rem/1.5 var(--id-font);display:flex;flex-direction:column}
h1,h2,h3,p,ul,ol,dl,dd,figure,fieldset{margin:0;padding:0;border:0}
h1{font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.01em}
h2{font-size:1.0625rem;line-height:1.4;font-weight:650}
h1,h2,h3,p,li,dd,td,bdi{overflow-wrap:anywhere}
a{color:var(--id-accent);text-underline-offset:.15em}
a:hover{text-decoration-thickness:2px}
img{max-width:100%}
:focus-visible{outline:3px solid var(--id-accent);outline-offset:2px;border-radius:4px}
.upper::first-letter{text-transform:uppercase}
.upper{display:inline-block}
.muted{color:var(--id-muted)}
.small{font-size:.875rem}
.skip{position:absolute;inset-inline-start:1rem;top:-10rem;z-index:2;padding:.5rem 1rem;background:var(--id-surface);border-radius:var(--id-radius)}
.skip:focus{top:1rem}
.hidden{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.brand{display:inline-flex;align-items:center;gap:.625rem;font-weight:650;color:inherit;text-decoration:none;min-height:2.75rem}
.brand img{height:1.75rem;width:auto}
.brand .mark{width:1.75rem;height:1.75rem;border-radius:calc(var(--id-radius)*.75);background:var(--id-accent);color:var(--id-on-accent);display:grid;place-items:center;font-size:.9375rem}
.points{padding-inline-start:1.25rem}
.stack>*+*{margin-block-start:1.25rem}
.stack-s>*+*{margin-block-start:.5rem}
.card{background:var(--id-surface);border:1px solid var(--id-line);border-radius:calc(var(--id-radius)*1.5);padding:1.5rem}
.center{width:100%;max-width:27rem;margin:0 auto;padding:2.5rem 1rem 3rem;flex:1}
.center>header{display:flex;justify-content:center;margin-block-end:1.5rem}
.center .card{padding:2rem}
.center .below{margin-block-start:1.25rem;text-align:center}
label,.label{display:block;font-weight:600;font-size:.9375rem}
.hint{color:var(--id-muted);font-size:.875rem;margin-block-start:.125rem}
input:not([type=checkbox]):not([type=radio]),select,textarea{display:block;width:100%;min-height:2.75rem;padding:.5rem .75rem;margin-block-start:.375rem;font:inherit;color:inherit;background:var(--id-surface);border:1px solid var(--id-field);border-radius:var(--id-radius)}
textarea{min-height:6rem;resize:vertical}
input:focus-visible,select:focus-visible,textarea:focus-visible{outline:3px solid var(--id-accent);outline-offset:1px;border-radius:var(--id-radius)}
[aria-invalid=true]{border-color:var(--id-danger)!important;box-shadow:inset 0 0 0 1px var(--id-danger)}
.error{color:var(--id-danger);font-size:.9375rem;font-weight:550;margin-block-start:.25rem}
.code input{font-size:1.25rem;letter-spacing:.2em;font-variant-numeric:tabular-nums;max-width:14rem}
.reveal-row{position:relative;margin-block-start:.375rem}
.reveal-row input{margin-block-start:0!important}
.reveal-row .reveal{position:absolute;inset-block:0;inset-inline-end:0;padding:0 .75rem;background:none;border:0;color:var(--id-accent);font:inherit;font-size:.875rem;font-weight:600;cursor:pointer}
.reveal-row.ready input{padding-inline-end:8.5rem}
button,.button{display:inline-flex;align-items:center;justify-content:center;gap:.5rem;min-height:2.75rem;padding:.5rem 1.125rem;font:inherit;font-weight:600;border-radius:var(--id-radius);border:1px solid transparent;cursor:pointer;text-decoration:none;text-align:center}
.primary{background:var(--id-accent);color:var(--id-on-accent)}
.primary:hover{background:var(--id-accent-strong)}
.secondary{background:var(--id-surface);color:var(--id-text);border-color:var(--id-field)}
.secondary:hover{background:var(--id-hover)}
.danger{background:var(--id-surface);color:var(--id-danger);border-color:var(--id-danger)}
.danger:hover{background:var(--id-danger-soft)}
.plain{background:none;color:var(--id-accent);padding-inline:.25rem}
.plain.bad{color:var(--id-danger)}
.plain:hover{text-decoration:underline}
.list button{min-height:2.25rem;padding:.25rem .75rem;font-size:.9375rem}
.list .plain{padding-inline:.25rem}
.wide{width:100%}
[aria-busy=true]{opacity:.65}
.summary{border:2px solid var(--id-danger);border-radius:var(--id-radius);padding:1rem 1.125rem;background:var(--id-danger-soft)}
.summary ul{list-style:none}
.summary a{color:var(--id-danger)}
.notice{border:1px solid var(--id-success);background:var(--id-success-soft);border-radius:var(--id-radius);padding:.75rem 1rem}
.row{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center;justify-content:space-between}
.actions{display:flex;flex-wrap:wrap;gap:.75rem}
.check{display:flex;gap:.625rem;align-items:flex-start;font-weight:400;padding-block:.25rem;min-height:1.75rem}
.check input{width:1.25rem;height:1.25rem;margin:.125rem 0 0;accent-color:var(--id-accent);flex:none}
.top{border-block-end:1px solid var(--id-line);background:var(--id-surface)}
.top .inner{max-width:68rem;margin:0 auto;padding:.375rem 1.25rem;display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;justify-content:space-between}
.top .who{display:flex;align-items:center;gap:.75rem;min-width:0}
.top .who bdi{max-width:16rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.frame{max-width:68rem;width:100%;margin:0 auto;padding:1.5rem 1.25rem 4rem;display:grid;grid-template-columns:13rem minmax(0,1fr);gap:2rem 3rem;flex:1;align-content:start}
.side ul{list-style:none;display:grid;gap:.125rem}
.side a{display:flex;align-items:center;min-height:2.5rem;padding:.25rem .75rem;border-radius:var(--id-radius);color:inherit;text-decoration:none}
.side a:hover{background:var(--id-hover)}
.side a[aria-current]{background:var(--id-accent-soft);color:var(--id-accent);font-weight:600}
.content>*+*{margin-block-start:1.5rem}
.list{list-style:none}
.list>li{padding-block:1rem;display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;justify-content:space-between;align-items:flex-start}
.list>li+li{border-block-start:1px solid var(--id-line)}
.list>li:first-child{padding-block-start:0}
.list>li:last-child{padding-block-end:0}
.list .what{flex:1 1 16rem;min-width:0}
.tag{display:inline-block;padding:.0625rem .5rem;border-radius:1rem;font-size:.8125rem;font-weight:600;border:1px solid currentColor}
.tag.good{color:var(--id-success)}.tag.warn{color:var(--id-warning)}.tag.bad{color:var(--id-danger)}.tag.calm{color:var(--id-muted)}
.secret{display:block;font:1rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;padding:.75rem 1rem;background:var(--id-hover);border:1px solid var(--id-line);border-radius:var(--id-radius);overflow-wrap:anywhere;user-select:all}
code{direction:ltr;unicode-bidi:isolate;font:.9375em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.list-plain{list-style:none}
.scope{padding:.0625rem .375rem;background:var(--id-hover);border-radius:.25rem}
.codes{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:.5rem 2rem;padding-inline-start:2rem}
.qr{display:block;width:13rem;height:13rem;border:1px solid var(--id-line);border-radius:var(--id-radius)}
legend{padding:0;margin-block-end:.5rem}
h3{font-size:1rem;font-weight:650}
.hero{width:100%;max-width:60rem;margin:0 auto;padding:3.5rem 1.25rem 4rem;flex:1}
.hero>*+*{margin-block-start:2.75rem}
.hero h1{font-size:2.25rem;line-height:1.15;max-width:22em;letter-spacing:-.02em;text-wrap:balance}
.lead{font-size:1.125rem;max-width:44rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(17rem,100%),1fr));gap:1rem;align-items:stretch}
.tile{display:flex;flex-direction:column;color:inherit;text-decoration:none}
.tile strong{color:var(--id-accent)}
.acting{display:flex;flex-wrap:wrap;align-items:center;justify-content:center;gap:.5rem 1rem;padding:.5rem 1rem;background:var(--id-danger-soft);border-block-end:2px solid var(--id-danger);font-weight:600}
.tile:hover{border-color:var(--id-accent)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:1rem}
.facts dt{color:var(--id-muted);font-size:.875rem}
.facts dd{font-size:1.375rem;font-weight:650;font-variant-numeric:tabular-nums}
.plain-facts dd{font-size:1rem;font-weight:400;overflow-wrap:anywhere}
.filter{align-items:flex-end}
.chart{width:100%;height:10rem;display:block}
.chart-ends{display:flex;justify-content:space-between;direction:ltr}
.chart .bar{fill:var(--id-accent)}.chart .failed{fill:var(--id-danger)}.chart .axis{stroke:var(--id-line)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:start;padding:.5rem .75rem .5rem 0;border-block-end:1px solid var(--id-line);vertical-align:top}
th{font-size:.875rem;color:var(--id-muted);font-weight:600}
td.number,th.number{text-align:end;font-variant-numeric:tabular-nums}
details>summary{cursor:pointer;color:var(--id-accent);font-weight:600;min-height:1.75rem}
details[open]>summary{margin-block-end:1rem}
@media (max-width:52rem){
.frame{grid-template-columns:minmax(0,1fr);padding:1rem 1rem 3rem;gap:1.25rem}
.side ul{display:flex;flex-wrap:wrap;gap:.25rem}
.top .inner{padding-inline:1rem}
.top .who bdi{display:none}
.card{padding:1.25rem}
.center{padding-block-start:1.5rem}
.hero{padding-block-start:2rem}
.hero h1{font-size:1.75rem}
.center .card{padding:1.5rem 1.25rem}
}
@media (prefers-reduced-motion:no-preference){button,.button,.side a{transition:background-color .12s}}
@media (forced-colors:active){.primary,.tag{border:1px solid}}
@media print{.side,.top form{display:none}}
`
  .trim()
  .replaceAll("\n", "");
