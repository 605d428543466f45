/** Text of a check: words between backticks are code, and a command is a button that copies it. */
import { html } from '../../html.js';
import { t } from '../../i18n/index.js';
import { copy } from '../../ui/copy.js';
import { Icon } from '../../ui/icons.js';

/** What has a blank in it can be typed as it stands; one word is a name. */
const isCommand = (/** @type {string} */ text) => /\S\s+\S/.test(text);

/** @param {{text: string}} props */
export function Marked({ text }) {
  return text.split('`').map((part, index) => {
    if (index % 2 === 0) return part;
    if (!isCommand(part)) return html`<code>${part}</code>`;
    return html`<button class="command" type="button" onClick=${() => copy(part, part)} aria-label=${t('doctor.copy', { command: part })}>
      <span>${part}</span><${Icon} name="copy" /></button>`;
  });
}
