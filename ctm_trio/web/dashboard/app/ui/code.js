/** A block of code with its colours and a button to copy it. The highlighter and each language load when they are first needed. */
import { html, useEffect, useMemo, useState } from '../html.js';
import { t } from '../i18n/index.js';
import { copy } from './copy.js';
import { Icon } from './icons.js';

/** @import { Children } from '../html.js' */
/** @import { Grammar, Highlighter, Node } from '../../vendor/highlight.js' */

/** Longer code stays without colours. */
const MAX_CHARS = 30_000;

/** What people call a language → its file. @type {Record<string, string>} */
const LANGUAGES = {
  bash: 'bash', sh: 'bash', shell: 'bash', zsh: 'bash', console: 'bash', c: 'c', h: 'c', cpp: 'cpp', 'c++': 'cpp', cc: 'cpp', hpp: 'cpp', css: 'css', scss: 'css',
  diff: 'diff', patch: 'diff', dockerfile: 'dockerfile', docker: 'dockerfile', go: 'go', golang: 'go', ini: 'ini', toml: 'ini', java: 'java', javascript: 'javascript',
  js: 'javascript', jsx: 'javascript', mjs: 'javascript', json: 'json', jsonc: 'json', markdown: 'markdown', md: 'markdown', python: 'python', py: 'python', ruby: 'ruby',
  rb: 'ruby', rust: 'rust', rs: 'rust', sql: 'sql', typescript: 'typescript', ts: 'typescript', tsx: 'typescript', xml: 'xml', html: 'xml', svg: 'xml', yaml: 'yaml', yml: 'yaml',
};

/** @type {Promise<Highlighter>|null} */
let core = null;
/** @type {Highlighter|null} */
let ready = null;
/** Languages that are there, and those that are on their way. @type {Map<string, Promise<void>>} */
const languages = new Map();

/** @param {string} name the file's @returns {Promise<void>} */
function loadLanguage(name) {
  core ??= import('../../vendor/highlight.js').then((module) => (ready = module.default));
  let loading = languages.get(name);
  if (!loading) {
    loading = Promise.all([core, import(`../../vendor/highlight/${name}.js`)]).then(([highlighter, module]) => {
      highlighter.registerLanguage(name, /** @type {Grammar} */ (module.default));
    });
    languages.set(name, loading);
  }
  return loading;
}

/** What the highlighter found, as nodes. @param {Node} node @returns {Children} */
function draw(node) {
  if (typeof node === 'string') return node;
  const scope = (node.scope ?? '').split('.')[0].replace(/[^a-z_-]/g, '');
  return html`<span class=${`hl-${scope}`}>${node.children.map(draw)}</span>`;
}

/** @param {{text: string, language?: string}} props `language`: as it is called in the text */
export function CodeBlock({ text, language = '' }) {
  const name = text.length > MAX_CHARS ? '' : (LANGUAGES[language.toLowerCase()] ?? '');
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (!name || ready?.getLanguage(name)) return undefined;
    let wanted = true;
    loadLanguage(name).then(() => wanted && setRound((n) => n + 1), () => {}); // without it the code has no colours
    return () => {
      wanted = false;
    };
  }, [name]);
  const nodes = useMemo(() => {
    if (!name || !ready?.getLanguage(name)) return text;
    return ready.highlight(text, { language: name, ignoreIllegals: true })._emitter.rootNode.children.map(draw);
  }, [text, name, round]);
  return html`<div class="code">
    <div class="code-head"><span class="muted">${language}</span>
      <button class="code-copy" type="button" onClick=${() => copy(text.replace(/\n$/, ''))}><${Icon} name="copy" />${t('actions.copy')}</button></div>
    <pre class="code-text" tabindex="0"><code>${nodes}</code></pre>
  </div>`;
}
