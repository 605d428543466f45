/** The doctor: what is in order on this computer, what is not, and what to type. */
import { api } from '../../client/index.js';
import { html, useLayoutEffect } from '../../html.js';
import { hasText, t } from '../../i18n/index.js';
import { bindKeys } from '../../keys.js';
import { Age, Failure, Loading } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { useAnswer } from '../../ui/use-answer.js';
import { Marked } from './marked.js';

const LEVELS = /** @type {const} */ (['err', 'warn', 'ok']);
const LOOK = { err: { icon: 'error', tone: 'bad' }, warn: { icon: 'alert', tone: 'warn' }, ok: { icon: 'check', tone: 'good' } };

export default function Doctor() {
  const { answer, at, error, busy, retry } = useAnswer((signal) => api.doctor({ signal }), []);
  useLayoutEffect(() => bindKeys([{ keys: 'r', group: t('doctor.title'), label: t('doctor.again'), run: retry }]), [retry]);
  const checks = answer?.checks ?? [];
  return html`<div class="page narrow-page">
    <header class="page-head">
      <div><h1>${t('doctor.title')}</h1>
        <p class="summary" role="status">${answer ? html`${summary(checks)} <span class="muted">· <${Age} at=${at} /></span>` : '\u00a0'}</p></div>
      <div class="page-tools"><button class="button" onClick=${retry} disabled=${busy}>
        <${Icon} name="working" class=${busy ? 'spin' : ''} />${t(busy ? 'doctor.busy' : 'doctor.again')}</button></div>
    </header>
    ${error && !answer ? html`<${Failure} error=${error} retry=${retry} />` : !answer ? html`<${Loading} rows=${8} />`
      : LEVELS.map((level) => html`<${Level} key=${level} level=${level} checks=${checks.filter((one) => one.status === level)} />`)}
  </div>`;
}

/** @param {import('../../client/types.js').DoctorCheck[]} checks */
function summary(checks) {
  const count = (/** @type {string} */ level) => checks.filter((one) => one.status === level).length;
  if (count('err')) return t('doctor.broken', { n: count('err') });
  return count('warn') ? t('doctor.warned', { n: count('warn') }) : t('doctor.fine', { n: checks.length });
}

/** @param {{level: 'err'|'warn'|'ok', checks: import('../../client/types.js').DoctorCheck[]}} props */
function Level({ level, checks }) {
  if (!checks.length) return null;
  return html`<section class="group" aria-labelledby=${`level-${level}`}>
    <h2 class="group-head" id=${`level-${level}`}>${t(`doctor.levels.${level}`)} <span class="muted">${checks.length}</span></h2>
    <ul class="rows">${checks.map((one) => html`<li class="check-row" key=${one.name} data-tone=${LOOK[level].tone}>
      <${Icon} name=${LOOK[level].icon} /><span class="sr">${t(`doctor.levels.${level}`)}: </span>
      <div class="check-what"><b>${title(one.name)}</b>${one.message && html`<bdi class=${level === 'ok' ? 'muted' : ''}><${Marked} text=${one.message} /></bdi>`}
        ${one.remediation && html`<p class="remedy"><${Marked} text=${one.remediation} /></p>`}</div>
      <code class="check-id muted">${one.name}</code></li>`)}</ul>
  </section>`;
}

/** Our words for a check, or for its kind. @param {string} name "dep:tmux" */
function title(name) {
  if (hasText(`doctor.names.${name}`)) return t(`doctor.names.${name}`);
  const [kind, ...rest] = name.split(':');
  return hasText(`doctor.kinds.${kind}`) ? t(`doctor.kinds.${kind}`, { what: rest.join(':') }) : name;
}
