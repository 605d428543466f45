/** Says that transcripts are still being read, and how many are left. */
import { html } from '../html.js';
import { t } from '../i18n/index.js';

/** @param {{index: import('../store/indexing.js').Progress|null, class?: string}} props */
export function IndexNote({ index, class: name = 'feed-note' }) {
  if (!index || index.complete) return null;
  return html`<p class=${name} role="status">${index.left ? t('indexing.left', { n: index.left }) : t('indexing.behind')}</p>`;
}
