/** The head of a session: name, standing, figures, actions, tabs. */
import { html, useState } from '../../html.js';
import { dollars, shortNumber, span } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { sessionPath } from '../../router.js';
import { standing as standingOf } from '../../store/status.js';
import { now } from '../../store/clock.js';
import { Age, Gauge, StateBadge } from '../../ui/bits.js';
import { copy } from '../../ui/copy.js';
import { Icon } from '../../ui/icons.js';
import { Menu } from '../../ui/menu.js';
import { About } from '../sessions/about.js';
import { ByHand, Mode, sumTokens, tokensTitle, Warnings } from '../sessions/row.js';
import { attachCommand, SessionDialogs } from './actions.js';
import { Explain } from './explain.js';
import { TABS } from './tabs.js';

/** @param {{session: import('../../client/types.js').SessionView, tab: string, children?: import('../../html.js').Children}} props
 *  `children`: what stands above the tabs */
export function Head({ session, tab, children }) {
  const standing = standingOf(session, now.value);
  const [dialog, setDialog] = useState('');
  const cost = session.cost_usd_micros;
  const ours = session.managed !== false;
  return html`<header class="session-head">
    <div class="session-line">
      <a class="icon-button" href="/" aria-label=${t('session.all')} title=${t('session.all')}><${Icon} name="back" /></a>
      <h1 class="session-name">${session.name}</h1>
      <${ours ? Mode : ByHand} mode=${session.mode} />
      <span class="session-state"><button class="status-button" type="button" title=${t('explain.why')} onClick=${() => setDialog('explain')}>
          <${StateBadge} standing=${standing} /><span class="status-why">${t('explain.short')}</span></button>
        ${standing.since && html`<span class="row-since">${t('sessions.since', { span: span(now.value - Date.parse(standing.since)) })}</span>`}
        <${Warnings} session=${session} />
        ${!standing.asks && html`<span class="session-reason" title=${standing.reason}><${About} session=${session} standing=${standing} /></span>`}</span>
      <div class="session-figures">
        <${Gauge} pct=${session.context_pct} label=${t('sessions.context')} />
        ${session.tokens && html`<span class="num" title=${tokensTitle(session.tokens)}>${shortNumber(sumTokens(session.tokens))} <small class="muted">${t('sessions.tokLast')}</small></span>`}
        ${cost !== undefined && html`<span class="num" title=${t('sessions.columns.cost')}>${dollars(cost)}</span>`}
        <span class="muted num" title=${t('sessions.columns.last')}><${Age} at=${session.last_tool_call_at} /></span>
      </div>
      <div class="session-actions">
        ${ours && html`<button class="button small attach" onClick=${() => copy(attachCommand(session.name))} title=${attachCommand(session.name)}>
          <${Icon} name="copy" />${t('session.attach')}</button>`}
        ${ours && html`<${Menu} label=${t('actions.more')} items=${[
          { icon: 'copy', label: t('session.copyAttach'), run: () => copy(attachCommand(session.name)) },
          { icon: 'pencil', label: t('session.rename'), run: () => setDialog('rename') },
          {
            icon: 'stop',
            label: t('session.kill'),
            run: () => setDialog('kill'),
            danger: true,
            off: !session.tmux_alive,
          },
          { icon: 'trash', label: t('session.forget'), run: () => setDialog('forget'), danger: true },
        ]} />`}
      </div>
    </div>
    ${children}
    <nav class="tabs" aria-label=${t('session.views', { name: session.name })}>
      ${TABS.map(
        (one) => html`<a class="tab" key=${one.id} href=${sessionPath(session.name, one.id)} data-replace
        aria-current=${one.id === tab ? 'page' : undefined}><${Icon} name=${one.icon} /><span>${t(`session.tabs.${one.id}`)}</span></a>`,
      )}
    </nav>
    ${dialog === 'explain' && html`<${Explain} name=${session.name} onClose=${() => setDialog('')} />`}
    <${SessionDialogs} session=${session} open=${dialog} onClose=${() => setDialog('')} />
  </header>`;
}
