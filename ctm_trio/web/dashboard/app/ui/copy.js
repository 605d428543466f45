/** Copies text and says so. */
import { t } from '../i18n/index.js';
import { toast } from '../store/toasts.js';

/** @param {string} text @param {string} [what] what to call it in the message */
export async function copy(text, what = '') {
  try {
    await navigator.clipboard.writeText(text);
    toast(what ? t('misc.copiedWhat', { what }) : t('misc.copied'), 'good');
  } catch {
    toast(t('misc.copyFailed'), 'bad');
  }
}
