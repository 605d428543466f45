/** One match of the search: where, when, which tool, and the words around it with the match marked. */
import { html, useMemo } from '../../html.js';
import { dayAndTime } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { sessionPath } from '../../router.js';
import { Age } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { toolIcon, toolName } from '../../ui/tool.js';

/** @param {{match: import('../../client/types.js').SearchMatch, q: string, known: boolean}} props `known`: its session can be opened */
export function Match({ match, q, known }) {
  const parts = useMemo(() => marked(match.snippet, q), [match.snippet, q]);
  const body = html`
    <span class="match-tool"><${Icon} name=${toolIcon(match.tool)} /><b>${toolName(match.tool)}</b></span>
    <span class="match-session">${match.session}</span>
    <span class="match-when muted num" title=${dayAndTime(match.ts)}><${Age} at=${match.ts} /></span>
    <span class="match-text">${parts.map((part) => (part.hit ? html`<mark>${part.text}</mark>` : part.text))}</span>`;
  return html`<li>${known ? html`<a class="match" href=${sessionPath(match.session, 'feed', `/${match.id}`)}>${body}</a>`
    : html`<div class="match gone" tabindex="0" title=${t('search.gone')}>${body}<small class="match-gone muted">${t('search.gone')}</small></div>`}</li>`;
}

/**
 * A text in pieces, those that equal `q` (whatever the case) marked. Nothing is parsed: each piece becomes a text node.
 * @param {string} text @param {string} q @returns {{text: string, hit: boolean}[]}
 */
export function marked(text, q) {
  const parts = [];
  const wanted = q.toLowerCase();
  const lower = text.toLowerCase();
  if (!wanted || lower.length !== text.length) return [{ text, hit: false }]; // a letter that changes its length: no marks
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    if (at > from) parts.push({ text: text.slice(from, at), hit: false });
    parts.push({ text: text.slice(at, at + wanted.length), hit: true });
    from = at + wanted.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), hit: false });
  return parts;
}
