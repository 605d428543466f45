/** Sign-up (which also says what this is), login, and the page shown while the daemon does not answer. */
import { html, useEffect, useRef, useState } from '../../html.js';
import { hasText, t } from '../../i18n/index.js';
import { expired, login, phase, signup } from '../../store/auth.js';
import { Icon } from '../../ui/icons.js';

/** @import { EventOf } from '../../html.js' */

export function AuthPage() {
  const first = phase.value === 'signup';
  document.title = `${t(first ? 'auth.signupTitle' : 'auth.loginTitle')} · ${t('app.name')}`;
  return html`<main class="auth">
    <div class="auth-card">
      <p class="brand"><img src="/icons/icon.svg" alt="" width="36" height="36" />${t('app.name')}</p>
      ${phase.value === 'offline' ? html`<${Offline} />` : html`<${Form} key=${phase.value} first=${first} />`}
    </div>
  </main>`;
}

function Offline() {
  return html`<h1>${t('auth.offlineTitle')}</h1><p class="muted" role="status">${t('auth.offlineText')}</p>`;
}

const POINTS = [
  ['feed', 'watch'],
  ['send', 'steer'],
  ['shield', 'local'],
];

/** @param {{first: boolean}} props */
function Form({ first }) {
  const [values, setValues] = useState({ username: '', password: '', code: '' });
  const [wantsCode, setWantsCode] = useState(false);
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const set = (/** @type {string} */ key) => (/** @type {EventOf} */ event) =>
    setValues((old) => ({ ...old, [key]: event.target.value }));
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    setProblem('');
    try {
      await (first ? signup : login)(values.username.trim(), values.password, values.code.trim());
    } catch (caught) {
      const error = /** @type {import('../../client/http.js').ApiError} */ (caught);
      if (error.code === 'code_needed') setWantsCode(true);
      else setProblem(explain(error));
      setBusy(false);
    }
  };
  return html`
    <h1>${t(first ? 'auth.signupTitle' : 'auth.loginTitle')}</h1>
    ${
      first &&
      html`<p class="muted">${t('auth.signupText')}</p>
      <ul class="auth-points">${POINTS.map(([icon, key]) => html`<li><${Icon} name=${icon} />${t(`auth.points.${key}`)}</li>`)}</ul>
      <h2 class="auth-sub">${t('auth.signupForm')}</h2>`
    }
    ${!first && expired.value && html`<p class="note" role="status">${t('auth.expired')}</p>`}
    <form class="stack" onSubmit=${submit}>
      <label class="field"><span>${t('auth.email')}</span>
        <input class="input" type="email" name="username" autocomplete="username" required autofocus value=${values.username}
          onInput=${set('username')} />
      </label>
      <div class="field">
        <label for="password">${t('auth.password')}</label>
        <span class="input-row">
          <input class="input" id="password" type=${shown ? 'text' : 'password'} name="password" required
            minlength=${first ? 8 : 1} autocomplete=${first ? 'new-password' : 'current-password'} value=${values.password}
            onInput=${set('password')} aria-describedby="password-hint" />
          <button class="button" type="button" aria-pressed=${shown} onClick=${() => setShown(!shown)}>
            ${t(shown ? 'auth.hide' : 'auth.show')}</button>
        </span>
        <small class="muted" id="password-hint">${t(first ? 'auth.passwordHint' : 'auth.forgot')}</small>
      </div>
      ${wantsCode && html`<${CodeField} value=${values.code} onInput=${set('code')} />`}
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      <button class="button primary wide" type="submit" disabled=${busy}>${t(first ? 'auth.signup' : 'auth.login')}</button>
    </form>`;
}

/** What signing up from elsewhere needs. It takes the focus, since it appears when the form has been sent.
 *  @param {{value: string, onInput: (event: Event) => void}} props */
function CodeField({ value, onInput }) {
  const input = useRef(/** @type {HTMLInputElement|null} */ (null));
  useEffect(() => input.current?.focus(), []);
  return html`<div class="field">
    <label for="code">${t('auth.code')}</label>
    <input class="input" id="code" type="text" name="code" required autocomplete="off" autocapitalize="characters"
      spellcheck=${false} maxlength="64" ref=${input} value=${value} onInput=${onInput} aria-describedby="code-hint" />
    <small class="muted" id="code-hint" role="status">
      ${t('auth.codeWhy')} ${t('auth.codeWhere')} <code class="command">ctm-trio auth code</code></small>
  </div>`;
}

/** @param {import('../../client/http.js').ApiError} error */
function explain(error) {
  if (error.unreachable) return t('errors.unreachable');
  if (hasText(`errors.${error.code}`)) return t(`errors.${error.code}`, { n: error.body?.retry_after ?? 60 });
  return error.message;
}
