/** A call that waits for an approval, whole: the command, the change, or every field of its input. */
import { html } from '../../html.js';
import { t } from '../../i18n/index.js';
import { Diff } from '../../ui/diff.js';
import { BULKY, Fields } from '../../ui/fields.js';
import { Icon } from '../../ui/icons.js';
import { shortDir } from '../../ui/paths.js';
import { ShellText } from '../../ui/shell-text.js';
import { shorten, toolIcon, toolName } from '../../ui/tool.js';
import { TextBox } from './text-box.js';

/** @import { Request } from '../../client/types.js' */

/** What it wants to do. @param {{request: Request, edited?: string|null, onEdit?: (text: string) => void}} props `edited`: the command that is to run instead */
export function Call({ request, edited = null, onEdit = () => {} }) {
  const { tool, input, diff, cwd } = request;
  const command = tool === 'Bash' && typeof input.command === 'string' ? input.command : null;
  const file = typeof input.file_path === 'string' ? shorten(input.file_path, cwd) : '';
  const rest = command === null ? input : without(input, ['command', 'description']);
  return html`
    <p class="sheet-what"><${Icon} name=${toolIcon(tool)} /><b>${toolName(tool)}</b>
      ${diff && file ? html`<bdi class="mono">${file}</bdi>` : typeof input.description === 'string' && html`<span class="muted">${input.description}</span>`}
      ${cwd && html`<span class="sheet-cwd muted" title=${cwd}><${Icon} name="folder" /><bdi>${shortDir(cwd)}</bdi></span>`}</p>
    ${edited !== null && html`<${TextBox} label=${t('answer.command')} mono value=${edited} onInput=${onEdit} />`}
    ${command !== null && edited === null && html`<pre class="block sheet-command" tabindex="0"><${ShellText} text=${command} /></pre>`}
    ${diff && html`<${Diff} text=${diff} />`}
    ${Object.keys(rest).length > 0 && !(diff && file) && html`<${Fields} value=${rest} hide=${diff ? BULKY : []} />`}`;
}

/** @param {Record<string, unknown>} value @param {string[]} keys */
const without = (value, keys) => Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
