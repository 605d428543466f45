/** A field with its name, a word of help, and what is wrong with it. */
import { html } from '../../html.js';
import { Icon } from '../../ui/icons.js';

/** @param {{name: string, label: string, hint?: string, problem?: string, children: import('../../html.js').Children}} props the control has the id `set-<name>` */
export function Field({ name, label, hint, problem, children }) {
  return html`<div class="field"><label for=${`set-${name}`}>${label}</label>
    ${children}
    ${problem ? html`<small class="field-problem" id=${`set-${name}-note`} role="alert"><${Icon} name="error" />${problem}</small>`
      : hint && html`<small class="muted" id=${`set-${name}-note`}>${hint}</small>`}</div>`;
}

/** The attributes of a control in a `Field`. @param {string} name @param {string|undefined} problem */
export const control = (name, problem) => ({
  id: `set-${name}`, 'aria-invalid': problem ? 'true' : undefined, 'aria-describedby': `set-${name}-note`,
});
