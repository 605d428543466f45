/** One conversation of the list: what it was about, where, how much, and what can be done with it. */
import { html, useState } from '../../html.js';
import { dollars, shortNumber } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { sessionPath } from '../../router.js';
import { Age } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { Menu } from '../../ui/menu.js';
import { shortDir } from '../../ui/paths.js';
import { exportItems, fileName } from '../reader/export.js';
import { GoOnDialog, useGoOn } from './go-on.js';

/** @import { Conversation } from '../../client/types.js' */

/** All of a conversation's tokens, those from the cache too. @param {Conversation} one */
export const allTokens = ({ tokens }) => tokens.input + tokens.output + tokens.cache_creation + tokens.cache_read;

/** @param {{conversation: Conversation}} props */
export function Row({ conversation: one }) {
  const [dialog, setDialog] = useState(/** @type {''|'resume'|'fork'} */ (''));
  const items = [...useGoOn(one, setDialog), ...exportItems({ uuid: one.uuid }, fileName(one.project || 'conversation', one.title, one.ended_at))];
  return html`<li class="talk">
    <div class="talk-what"><a class="row-link" href=${`/conversations/${one.uuid}`}><bdi>${one.title || t('conversations.untitled')}</bdi></a>
      <span class="muted talk-where" title=${one.cwd}><${Icon} name="folder" /><bdi>${shortDir(one.cwd)}</bdi></span></div>
    <span class="talk-session">${one.session && html`<a href=${sessionPath(one.session)}><${Icon} name="sessions" />${one.session}</a>`}</span>
    <span class="num muted talk-figures"><span>${t('conversations.prompts', { n: one.prompts })}</span><span title=${t('conversations.tokensTitle')}>${t('conversations.tokens', { n: shortNumber(allTokens(one)) })}</span>
      <span title=${t('conversations.costTitle')}>${one.cost !== undefined && dollars(one.cost * 1e6)}</span></span>
    <span class="num muted talk-when"><${Age} at=${one.ended_at} /></span>
    <${Menu} label=${t('conversations.actions', { title: one.title || one.project })} items=${items} />
    ${dialog && html`<${GoOnDialog} conversation=${one} fork=${dialog === 'fork'} onClose=${() => setDialog('')} />`}
  </li>`;
}

