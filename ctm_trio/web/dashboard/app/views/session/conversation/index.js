/** What was said in a session, as it goes on. */
import { html, useCallback } from '../../../html.js';
import { t } from '../../../i18n/index.js';
import { sessionPath } from '../../../router.js';
import { NothingSaid, Reader } from '../../reader/index.js';

/** @param {{session: import('../../../client/types.js').SessionView, query: Record<string, string>}} props */
export default function Conversation({ session, query }) {
  const { name } = session;
  const pathOf = useCallback((/** @type {string} */ entry, agent = '', call = '') => sessionPath(name, 'conversation', search({ agent, call, entry })), [name]);
  const empty = html`<${NothingSaid}><a class="button" href=${sessionPath(name, 'pane')} data-replace>${t('reader.openPane')}</a><//>`;
  return html`<${Reader} whose=${{ session: name }} name=${name} session=${name} base=${session.workdir} agent=${query.agent} call=${query.call} entry=${query.entry} pathOf=${pathOf} empty=${empty} live=${true} />`;
}

/** @param {Record<string, string>} values */
function search(values) {
  const text = new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
  return text && `?${text}`;
}
