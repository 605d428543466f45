/** A unified diff with line numbers. The sign of each line stays, so that colour is not alone. */
import { html, useMemo, useState } from '../html.js';
import { t } from '../i18n/index.js';

/** Lines drawn before "show all": a browser should not choke on a generated file. */
const FIRST_LINES = 1500;

/** @typedef {{kind: 'file'|'hunk'|'add'|'del'|'same', text: string, old: number|null, now: number|null}} DiffLine */

/** @param {string} text @returns {DiffLine[]} */
export function parseDiff(text) {
  let old = 0;
  let now = 0;
  let inHunk = false;
  /** @type {DiffLine[]} */
  const lines = [];
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    if (hunk) {
      [old, now, inHunk] = [Number(hunk[1]), Number(hunk[2]), true];
      lines.push({ kind: 'hunk', text: line, old: null, now: null });
    } else if (line.startsWith('diff --git ')) {
      inHunk = false;
      lines.push({ kind: 'file', text: fileOf(line), old: null, now: null });
    } else if (!inHunk) {
      if (line.startsWith('+++ ') && !lines.some((one) => one.kind === 'file'))
        lines.push({ kind: 'file', text: line.slice(4).replace(/^b\//, ''), old: null, now: null });
      else if (/^(new|deleted|rename|similarity|Binary)/.test(line))
        lines.push({ kind: 'hunk', text: line, old: null, now: null });
    } else if (line.startsWith('+')) lines.push({ kind: 'add', text: line, old: null, now: now++ });
    else if (line.startsWith('-')) lines.push({ kind: 'del', text: line, old: old++, now: null });
    else if (line.startsWith('\\')) lines.push({ kind: 'hunk', text: line, old: null, now: null });
    else lines.push({ kind: 'same', text: line || ' ', old: old++, now: now++ });
  }
  return lines;
}

/** @param {string} line "diff --git a/x b/x" */
const fileOf = (line) => / b\/(.+)$/.exec(line)?.[1] ?? line;

/** @param {{text: string}} props */
export function Diff({ text }) {
  const [all, setAll] = useState(false);
  const lines = useMemo(() => parseDiff(text), [text]);
  const shown = all ? lines : lines.slice(0, FIRST_LINES);
  const count = (/** @type {string} */ kind) => lines.reduce((n, line) => n + (line.kind === kind ? 1 : 0), 0);
  if (!lines.length) return html`<p class="muted">${t('diff.empty')}</p>`;
  return html`<div class="diff">
    <p class="diff-sum muted num">${t('diff.sum', { added: count('add'), removed: count('del') })}</p>
    <div class="diff-scroll" tabindex="0" role="region" aria-label=${t('diff.label')}><div class="diff-lines">
      ${shown.map((line) => html`<div class=${`diff-line ${line.kind}`}><span class="diff-no">${line.old ?? ''}</span><span class="diff-no">${line.now ?? ''}</span><code>${line.text}</code></div>`)}
    </div></div>
    ${shown.length < lines.length && html`<button class="button small" onClick=${() => setAll(true)}>${t('diff.all', { n: lines.length })}</button>`}
  </div>`;
}
