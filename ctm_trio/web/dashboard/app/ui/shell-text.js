/** A command with its strings, options and operators set apart, lightly. It is only read, never understood. */
import { html, useMemo } from '../html.js';

/** Longer ones are shown plain. */
const MAX_CHARS = 20_000;
const PARTS = /(?<string>"(?:\\.|[^"\\])*"|'[^']*')|(?<op>&&|\|\||[|;&<>]+)|(?<=\s)(?<option>--?[A-Za-z][\w-]*)|(?<variable>\$\{?\w+\}?)|(?<=^|\s)(?<comment>#.*)/gm;

/** @param {string} text @returns {{text: string, kind: string}[]} */
export function parseShell(text) {
  if (text.length > MAX_CHARS) return [{ text, kind: '' }];
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(PARTS)) {
    if (match.index > at) parts.push({ text: text.slice(at, match.index), kind: '' });
    const kind = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined)?.[0] ?? '';
    parts.push({ text: match[0], kind });
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push({ text: text.slice(at), kind: '' });
  return parts;
}

/** @param {{text: string}} props */
export function ShellText({ text }) {
  const parts = useMemo(() => parseShell(text), [text]);
  return parts.map((part) => (part.kind ? html`<span class=${`sh-${part.kind}`}>${part.text}</span>` : part.text));
}
