/** The same question from several sessions, answered at once. */
import { html, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { answerSeveral } from '../../store/answering.js';
import { toast } from '../../store/toasts.js';
import { MaybeHold } from '../../ui/hold-button.js';
import { useGuard } from '../../ui/guard.js';

/** @import { BatchResult, Request } from '../../client/types.js' */

/** The others that ask for exactly the same call. @param {Request} request @param {Request[]} list */
export function sameAs(request, list) {
  if (request.kind !== 'permission' || request.answerable === 'no') return [];
  const what = JSON.stringify([request.tool, callOf(request)]);
  return list.filter((one) => one.id !== request.id && one.kind === 'permission' && one.answerable !== 'no' && JSON.stringify([one.tool, callOf(one)]) === what);
}

/** A command is the same whatever is said about it. @param {Request} request */
const callOf = ({ tool, input }) => (tool === 'Bash' ? input.command : input);

/** @param {{first: Request, others: Request[], onDone: () => void}} props */
export function Several({ first, others, onDone }) {
  const all = [first, ...others];
  const [open, setOpen] = useState(false);
  const [off, setOff] = useState(/** @type {Set<string>} */ (new Set()));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const guard = useGuard(`${open} ${all.map((one) => one.id).join()}`);
  const chosen = all.filter((one) => !off.has(one.id));
  const high = all.some((one) => one.risk === 'high');
  const can = (/** @type {string} */ choice) => chosen.length > 0 && chosen.every((one) => one.choices.some((each) => each.id === choice));
  const send = async (/** @type {string} */ choice) => {
    setBusy(true);
    setProblem('');
    try {
      const results = await answerSeveral(chosen.map((one) => one.id), choice);
      const failed = results.filter((one) => one.status !== 200);
      toast(t(`next.did.${choice}`, { n: results.length - failed.length }), failed.length ? 'plain' : 'good');
      if (failed.length) setProblem(failed.map((one) => `${nameOf(one, all)}: ${one.message ?? one.error ?? one.status}`).join('\n'));
      else onDone();
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
    } finally {
      setBusy(false);
    }
  };
  return html`<section class="several" ref=${guard} aria-label=${t('next.same', { n: others.length })}>
    ${!open && html`<button class="button" type="button" onClick=${() => setOpen(true)}>${t('next.same', { n: others.length })}</button>`}
    ${open && html`<ul class="several-list">${all.map((one) => html`<li key=${one.id}><label class="check">
        <input type="checkbox" checked=${!off.has(one.id)} onChange=${() => setOff(flipped(off, one.id))} /><b>${one.session}</b></label></li>`)}</ul>
      <div class="sheet-main">
        <button class="button big" type="button" disabled=${busy || !can('deny')} onClick=${() => send('deny')}>${t(busy ? 'answer.sending' : 'next.denyAll', { n: chosen.length })}</button>
        <${MaybeHold} class="button primary big" hold=${high} disabled=${busy || !can('allow')} run=${() => send('allow')}>${t(busy ? 'answer.sending' : 'next.allowAll', { n: chosen.length })}<//>
      </div>`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
  </section>`;
}

/** @param {Set<string>} set @param {string} id */
function flipped(set, id) {
  const other = new Set(set);
  if (!other.delete(id)) other.add(id);
  return other;
}

/** @param {BatchResult} result @param {Request[]} all */
const nameOf = (result, all) => all.find((one) => one.id === result.id)?.session ?? result.id;
