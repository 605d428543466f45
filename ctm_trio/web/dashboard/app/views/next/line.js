/** What comes after the request in front: who asks and about what. */
import { html } from '../../html.js';
import { t } from '../../i18n/index.js';
import { sessionPath } from '../../router.js';
import { Icon } from '../../ui/icons.js';
import { toolIcon, toolName } from '../../ui/tool.js';

/** @import { Request } from '../../client/types.js' */

/** Requests that are named; of more their number is. */
const SHOWN = 8;
const ICONS = { question: 'question', plan: 'plan', dialog: 'dialog' };

/** @param {{list: Request[], front: string}} props */
export function Line({ list, front }) {
  const rest = list.filter((one) => one.id !== front);
  if (!rest.length) return null;
  return html`<section class="next-line" aria-labelledby="next-line"><h2 class="group-head" id="next-line">${t('next.line')} <span class="muted">${rest.length}</span></h2>
    <ul class="rows">${rest.slice(0, SHOWN).map((one) => html`<li key=${one.id} class="next-row" data-risk=${one.risk}>
      <a class="row-link" href=${sessionPath(one.session)}>${one.session}</a>
      <span class="next-what"><${Icon} name=${one.kind === 'permission' ? toolIcon(one.tool) : ICONS[one.kind]} />
        ${one.kind === 'permission' && html`<b class="tool-name">${toolName(one.tool)}</b>`}<bdi class=${one.kind === 'permission' ? 'mono' : ''}>${one.summary}</bdi></span></li>`)}</ul>
    ${rest.length > SHOWN && html`<p class="muted">${t('next.more', { n: rest.length - SHOWN })}</p>`}
  </section>`;
}
