/** Notifications of the browser: off until asked for, and the words about what this browser can do. */
import { signal } from '../html.js';
import { remembered } from './prefs.js';

const wanted = remembered('notify', false);
const permission = signal('Notification' in window ? Notification.permission : 'denied');

/** True if notifications are wanted and allowed. */
export const notifyOn = {
  get value() {
    return wanted.value && permission.value === 'granted';
  },
};

/** 'insecure': browsers notify only on https and on this computer. @returns {'ready'|'missing'|'insecure'|'denied'} */
export function notifySupport() {
  if (!window.isSecureContext) return 'insecure';
  if (!('Notification' in window)) return 'missing';
  return permission.value === 'denied' ? 'denied' : 'ready';
}

/** Asks the browser, in answer to a click; on phones only a worker may show notifications. */
export async function turnOn() {
  permission.value = await Notification.requestPermission();
  wanted.value = permission.value === 'granted';
  if (wanted.value) worker();
}

export function turnOff() {
  wanted.value = false;
}

/** @returns {Promise<ServiceWorkerRegistration|null>} the worker that shows them where pages may not */
export async function worker() {
  try {
    return (await navigator.serviceWorker?.register('/sw.js')) ?? null;
  } catch {
    return null; // a private window may refuse workers: then pages show them, or nobody does
  }
}
