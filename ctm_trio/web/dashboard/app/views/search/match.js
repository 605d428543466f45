/** One match of the search: where, when, which tool or who said it, and the words around it with the match marked. */
import { html, useMemo } from '../../html.js';
import { dayAndTime } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { sessionPath } from '../../router.js';
import { Age } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { toolIcon, toolName } from '../../ui/tool.js';

/** @type {Record<string, string>} */
const ICONS = { prompt: 'send', thinking: 'thought', command: 'pane', notice: 'meta', compaction: 'plan' };

/** Where a match is: an entry in its thread, a call in the feed. @param {import('../../client/types.js').SearchMatch} match @param {boolean} known */
function addressOf(match, known) {
  if (!match.entry) return sessionPath(match.session, 'feed', `/${match.id}`);
  const thread = match.agent_id ? `agent=${encodeURIComponent(match.agent_id)}&` : '';
  const entry = `?${thread}entry=${encodeURIComponent(match.entry)}`;
  return known ? sessionPath(match.session, 'conversation', entry) : `/conversations/${encodeURIComponent(match.uuid)}${entry}`;
}

/** @param {{match: import('../../client/types.js').SearchMatch, q: string, known: boolean}} props `known`: its session can be opened */
export function Match({ match, q, known }) {
  const parts = useMemo(() => marked(match.snippet, q), [match.snippet, q]);
  const said = match.entry ? (match.kind ?? '') : '';
  const body = html`
    <span class="match-tool"><${Icon} name=${said && !match.tool ? ICONS[said] ?? 'speech' : toolIcon(match.tool)} /><b>${match.tool ? toolName(match.tool) : t(`reader.kinds.${said}`)}</b></span>
    <span class="match-session">${said ? html`<bdi>${[match.project, match.session].filter(Boolean).join(' · ')}</bdi>` : match.session}</span>
    <span class="match-when muted num" title=${dayAndTime(match.ts)}><${Age} at=${match.ts} /></span>
    ${said && html`<bdi class="match-title">${match.title || t('conversations.untitled')}</bdi>`}
    <span class="match-text">${parts.map((part) => (part.hit ? html`<mark>${part.text}</mark>` : part.text))}</span>`;
  return html`<li>${known || said ? html`<a class="match" href=${addressOf(match, known)}>${body}</a>`
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
