/** Tells when a session starts to need you: a notification while you are elsewhere, the title's count, the icon. */
import { useEffect } from '../../html.js';
import { t } from '../../i18n/index.js';
import { go, sessionPath } from '../../router.js';
import { notifyOn, worker } from '../../store/notify.js';
import { needing, sessionsLoaded } from '../../store/sessions.js';

/** A need has to last this long before anybody is disturbed; many are over by then. */
const SETTLE_MS = 1500;

/** Session → the state it was last announced in. @type {Map<string, string>} */
const announced = new Map();
/** What is on the screen, so that it goes away when the need is over. @type {Map<string, {close: () => void}>} */
const shown = new Map();
let primed = false;
/** @type {ReturnType<typeof setTimeout>|undefined} */
let settling;

export default function Notifier() {
  const count = needing.value.length;
  useEffect(() => {
    const link = /** @type {HTMLLinkElement|null} */ (document.querySelector('link[rel="icon"]'));
    if (link) link.href = count ? '/icons/icon-alert.svg' : '/icons/icon.svg';
    const badge = count ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.();
    badge?.catch(() => {}); // only installed apps have a badge
  }, [count > 0, count]);
  useEffect(() => {
    if (!sessionsLoaded.value) return;
    clearTimeout(settling);
    settling = setTimeout(announce, SETTLE_MS);
  }, [signature(), sessionsLoaded.value]);
  useEffect(() => {
    const onMessage = (/** @type {MessageEvent} */ event) => typeof event.data?.go === 'string' && go(event.data.go);
    navigator.serviceWorker?.addEventListener('message', onMessage);
    return () => navigator.serviceWorker?.removeEventListener('message', onMessage);
  }, []);
  return null;
}

const signature = () => needing.value.map((one) => `${one.session.name} ${one.standing.key}`).sort().join('\n');

/** Compares who needs you with who did. The first look only remembers. */
function announce() {
  const current = new Map(needing.value.map((one) => [one.session.name, one.standing]));
  for (const [name, note] of shown) {
    if (current.get(name)?.key === announced.get(name)) continue;
    note.close();
    shown.delete(name);
  }
  for (const name of announced.keys()) if (!current.has(name)) announced.delete(name);
  for (const [name, standing] of current) {
    const known = announced.get(name);
    announced.set(name, standing.key);
    if (primed && known !== standing.key && notifyOn.value && !looking()) tell(name, standing);
  }
  primed = true;
}

/** True while the page is what the user looks at: then it speaks for itself. */
const looking = () => document.visibilityState === 'visible' && document.hasFocus();

/** @param {string} name @param {import('../../store/status.js').Standing} standing */
async function tell(name, standing) {
  const path = sessionPath(name);
  const title = t('notify.needs', { name, state: standing.word });
  const options = { body: standing.reason, tag: `ctm:${name}`, icon: '/icons/icon-192.png', data: { path } };
  try {
    const note = new Notification(title, options);
    note.onclick = () => {
      window.focus();
      go(path);
      note.close();
    };
    shown.set(name, note);
  } catch {
    // phones: a page may not, its worker may
    await (await worker())?.showNotification(title, options);
  }
}
