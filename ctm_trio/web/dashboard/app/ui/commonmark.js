/**
 * Markdown as models write it, drawn as nodes from the parser's tokens: markup in the text stays text, an image is a link,
 * and links lead to web pages and mail addresses only.
 */
import { html, useMemo, useState, useEffect } from '../html.js';
import { t } from '../i18n/index.js';
import { CodeBlock } from './code.js';

/** @import { Children } from '../html.js' */
/** @import { Token } from '../../vendor/markdown-it.js' */
/** @import MarkdownIt from '../../vendor/markdown-it.js' */

/** A longer text is shown as it is: nobody reads on, and parsing would hold the page up. */
const MAX_CHARS = 200_000;
/** Deeper nesting is drawn flat. */
const MAX_DEPTH = 60;

/** @type {InstanceType<typeof MarkdownIt>|null} */
let parser = null;
/** @type {Promise<void>|null} */
let loading = null;

/** Loads the parser once. */
export function loadParser() {
  loading ??= import('../../vendor/markdown-it.js').then(({ default: Parser }) => {
    parser = new Parser({ html: false, linkify: true, typographer: false, maxNesting: MAX_DEPTH });
    parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false }); // "main.rs" is a file, no address
    parser.validateLink = () => true; // what a link may be is decided where it is drawn
  });
  return loading;
}

/** What the parser makes of a text; the text is kept with its entry, so it is parsed once. @type {WeakMap<object, Token[]>} */
const parsed = new WeakMap();

/** @param {{text: string, of: object}} props `of`: the object that the text belongs to */
export function Rich({ text, of }) {
  const [ready, setReady] = useState(parser !== null);
  useEffect(() => {
    if (!ready) loadParser().then(() => setReady(true), () => {}); // without the parser it is the text as it is
  }, []);
  const nodes = useMemo(() => {
    if (!parser || text.length > MAX_CHARS) return null;
    let tokens = parsed.get(of);
    if (!tokens) parsed.set(of, (tokens = parser.parse(text, {})));
    return draw(tokens);
  }, [text, of, ready]);
  return nodes ? html`<div class="rich">${nodes}</div>` : html`<div class="rich rich-plain" dir="auto">${text}</div>`;
}

/** Elements that a pair of tokens becomes. */
const PAIRS = new Set(['p', 'ul', 'ol', 'li', 'blockquote', 'em', 'strong', 's', 'tr', 'thead', 'tbody']);
/** Those whose direction is that of their own text. */
const BLOCKS = new Set(['p', 'ul', 'li', 'blockquote']);
/** @type {Record<string, string>} */
const ALIGN = { 'text-align:right': 'right', 'text-align:center': 'center' };

/** @param {Token[]} tokens @returns {Children[]} */
export function draw(tokens) {
  /** @type {{token: Token|null, nodes: Children[]}[]} */
  const stack = [{ token: null, nodes: [] }];
  const put = (/** @type {Children} */ node) => stack[stack.length - 1].nodes.push(node);
  for (const token of tokens) {
    if (token.nesting > 0) stack.push({ token, nodes: [] });
    else if (token.nesting < 0) {
      const { token: opened, nodes } = /** @type {{token: Token, nodes: Children[]}} */ (stack.pop());
      put(element(opened, nodes));
    } else put(token.type === 'inline' ? inline(token, stack) : leaf(token));
  }
  return stack[0].nodes;
}

const TASK = /^\[([ xX])\]\s+/;

/** A line of text. At the beginning of an item of a list it may say whether a task is done. @param {Token} token @param {{token: Token|null, nodes: Children[]}[]} stack @returns {Children} */
function inline(token, stack) {
  const children = token.children ?? [];
  const [item, line] = stack.slice(-2);
  const task = item.token?.tag === 'li' && !item.nodes.length && !line?.nodes.length && children[0]?.type === 'text' ? TASK.exec(children[0].content) : null;
  if (!task) return draw(children);
  const done = task[1] !== ' ';
  return [html`<input class="rich-task" type="checkbox" disabled checked=${done} aria-label=${t(done ? 'reader.taskDone' : 'reader.taskOpen')} />`,
    children[0].content.slice(task[0].length), ...draw(children.slice(1))];
}

/** @param {Token} token @param {Children[]} nodes @returns {Children} */
function element(token, nodes) {
  const { tag } = token;
  if (token.hidden) return nodes; // the paragraph of an item in a tight list
  if (/^h[1-6]$/.test(tag)) {
    const level = Number(tag[1]);
    return html`<p class="rich-heading" dir="auto" data-level=${level} role="heading" aria-level=${Math.min(6, level + 2)}>${nodes}</p>`;
  }
  if (tag === 'a') return link(String(token.attrGet('href') ?? ''), nodes);
  if (tag === 'table') return html`<div class="rich-table" tabindex="0" role="region" aria-label=${t('reader.table')}><table>${nodes}</table></div>`;
  if (tag === 'td' || tag === 'th') return html`<${tag} dir="auto" data-align=${ALIGN[token.attrGet('style') ?? '']}>${nodes}<//>`;
  if (tag === 'ol') return html`<ol dir="auto" start=${token.attrGet('start') ?? undefined}>${nodes}</ol>`;
  return PAIRS.has(tag) ? html`<${tag} dir=${BLOCKS.has(tag) ? 'auto' : undefined}>${nodes}<//>` : nodes;
}

/** @param {Token} token @returns {Children} */
function leaf(token) {
  if (token.type === 'text') return token.content;
  if (token.type === 'code_inline') return html`<code>${token.content}</code>`;
  if (token.type === 'fence') return html`<${CodeBlock} text=${token.content} language=${token.info.trim().split(/\s/)[0]} />`;
  if (token.type === 'code_block') return html`<${CodeBlock} text=${token.content} language="" />`;
  if (token.type === 'softbreak') return '\n';
  if (token.type === 'hardbreak') return html`<br />`;
  if (token.type === 'hr') return html`<hr />`;
  if (token.type === 'image') {
    const address = String(token.attrGet('src') ?? '');
    return link(address, [t('reader.imageOf', { what: token.content || address })]);
  }
  return token.content;
}

/** A link to where one may go; of another one only the words. @param {string} address @param {Children[]} nodes @returns {Children} */
function link(address, nodes) {
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return html`<span class="rich-nolink" title=${address}>${nodes}</span>`;
  return html`<a href=${address} target="_blank" rel="noopener noreferrer nofollow">${nodes}</a>`;
}
