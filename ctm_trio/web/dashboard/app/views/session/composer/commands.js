/** Commands of the client that are completed while they are typed. The client knows more; what is not here is sent as it is. */
import { html } from '../../../html.js';
import { t } from '../../../i18n/index.js';

/** Common ones that open no dialog first, with what they do. */
const NAMES = ['clear', 'compact', 'context', 'cost', 'init', 'review', 'memory', 'model', 'status', 'resume', 'agents', 'mcp', 'permissions', 'help', 'exit'];
const SHOWN = 6;

/** @typedef {{name: string, text: string}} Command */

/** Those that begin as the text does, as long as it is only the beginning of one. @param {string} text @returns {Command[]} */
export function commandsFor(text) {
  const begun = /^\/([a-z]*)$/.exec(text)?.[1];
  if (begun === undefined) return [];
  return NAMES.filter((name) => name.startsWith(begun) && name !== begun)
    .slice(0, SHOWN)
    .map((name) => ({ name: `/${name}`, text: t(`composer.commands.${name}`) }));
}

/** @param {{commands: Command[], at: number, onChoose: (name: string) => void}} props */
export function CommandList({ commands, at, onChoose }) {
  return html`<ul class="composer-commands" aria-label=${t('composer.commandList')}>${commands.map((one, index) => html`<li key=${one.name}>
    <button type="button" data-at=${index === at} onClick=${() => onChoose(one.name)}><b class="mono">${one.name}</b><small>${one.text}</small></button></li>`)}</ul>`;
}
