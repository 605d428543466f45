/** What concerns the account and with it every session: a limit that is nearly or wholly used. Once, on top. */
import { html } from '../../html.js';
import { moment, span } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { nearlyNow } from '../../store/clock.js';
import { isOver, windowOf } from '../../store/quota-history.js';
import { quota, sessions } from '../../store/sessions.js';
import { ACCOUNT_WARNING } from '../../store/status.js';
import { Icon } from '../../ui/icons.js';

/** From here on a limit is worth a line, whatever the daemon's threshold is. */
const NEARLY_PCT = 95;

export function AccountNote() {
  const at = nearlyNow.value;
  const warned = [...sessions.value.values()].some((one) => one.warnings?.some((warning) => warning.state === ACCOUNT_WARNING));
  const limits = /** @type {const} */ (['five', 'weekly'])
    .map((kind) => ({ kind, seen: windowOf(quota.value, kind) }))
    .flatMap(({ kind, seen }) => (seen && !isOver(seen, at) ? [{ kind, ...seen }] : []));
  const most = limits.sort((a, b) => b.pct - a.pct)[0];
  if (!most || !(warned || most.pct >= NEARLY_PCT)) return null;
  const reached = most.pct >= 100;
  const values = { pct: most.pct, limit: t(`quota.${most.kind}`), at: moment(most.resets, at), span: span(most.resets - at) };
  return html`<p class="account-note" data-tone=${reached ? 'bad' : 'warn'} role="status"><${Icon} name="gauge" />
    <span>${t(reached ? 'account.reached' : 'account.nearly', values)}${most.resets > at ? ` ${t('account.resets', values)}` : ''}</span></p>`;
}
