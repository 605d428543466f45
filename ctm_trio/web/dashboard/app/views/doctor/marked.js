/** Text of a check: words between backticks are code, and a command is a button that copies it. */
import { html } from '../../html.js';
import { dayAndTime } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { copy } from '../../ui/copy.js';
import { Icon } from '../../ui/icons.js';

/** What has a blank in it can be typed as it stands; one word is a name. */
const isCommand = (/** @type {string} */ text) => /\S\s+\S/.test(text);

/** Times as the wire writes them. */
const TIMES = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** @param {{text: string}} props */
export function Marked({ text }) {
  return text.split('`').map((part, index) => {
    if (index % 2 === 0) return part.replace(TIMES, (at) => dayAndTime(at));
    if (!isCommand(part)) return html`<code>${part}</code>`;
    return html`<button class="command" type="button" onClick=${() => copy(part, part)} aria-label=${t('doctor.copy', { command: part })}>
      <span>${part}</span><${Icon} name="copy" /></button>`;
  });
}
