/** One tool call in a feed: one line on a laptop, two on a phone. */
import { html } from '../../../html.js';
import { hourMinuteSecond, took } from '../../../i18n/format.js';
import { t } from '../../../i18n/index.js';
import { Icon } from '../../../ui/icons.js';
import { shorten, toolIcon, toolName } from '../../../ui/tool.js';

/** @import { Row } from '../../../store/feed.js' */

/** Row heights in pixels; the style sheet says the same. */
export const ROW_WIDE = 34;
export const ROW_NARROW = 58;

/**
 * @param {{row: Row, selected: boolean, onOpen: (row: Row) => void, href: string,
 *   showSession?: boolean, base?: string}} props `base`: the work directory
 */
export function FeedRow({ row, selected, onOpen, href, showSession, base }) {
  const open = (/** @type {MouseEvent} */ event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    onOpen(row);
  };
  if (row.kind !== 'call') {
    return html`<div class="feed-row marker" role="listitem"><time class="feed-time">${hourMinuteSecond(row.at)}</time>
      ${showSession && html`<span class="feed-session">${row.session}</span>`}<span class="feed-marker">${row.text}</span>
      <bdi class="feed-summary">${row.summary}</bdi></div>`;
  }
  return html`<div role="listitem"><a class=${`feed-row ${row.isError ? 'failed' : ''} ${row.agentId ? 'by-agent' : ''}`} href=${href}
      aria-current=${selected ? 'true' : undefined} onClick=${open} draggable=${false}>
    <time class="feed-time">${hourMinuteSecond(row.at)}</time>
    ${showSession && html`<span class="feed-session">${row.session}</span>`}
    <span class="feed-tool">${
      row.agentId &&
      html`<span class="agent-mark" title=${t('feed.byAgent', { id: row.agentId })}>
      <${Icon} name="agents" /><span class="sr">${t('feed.byAgentShort')}</span></span>`
    }
      <${Icon} name=${toolIcon(row.tool)} /><b>${toolName(row.tool)}</b></span>
    <bdi class="feed-input" title=${row.input}>${shorten(row.input, base)}</bdi>
    <bdi class="feed-summary">${row.summary}</bdi>
    <span class="feed-end">${row.isError && html`<span class="failed-mark"><${Icon} name="error" />${t('feed.failed')}</span>`}
      ${row.durationMs >= 0 && html`<span class="feed-took">${took(row.durationMs)}</span>`}</span>
  </a></div>`;
}
