/** The way to the terminal, where everything can be answered. */
import { html } from '../../html.js';
import { t } from '../../i18n/index.js';
import { copy } from '../../ui/copy.js';
import { Icon } from '../../ui/icons.js';
import { attachCommand } from '../session/actions.js';

/** @param {{session: string}} props */
export function Attach({ session }) {
  const command = attachCommand(session);
  return html`<button class="command" type="button" title=${t('session.copyAttach')} onClick=${() => copy(command)}><bdi>${command}</bdi><${Icon} name="copy" /></button>`;
}
