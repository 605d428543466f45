// The package of the files has no types: this is the part of it that the page uses.

/** A text, or a stretch of the code with what it is. */
export type Node = string | { scope?: string; children: Node[] };
/** A language of `highlight/`. */
export type Grammar = (core: Highlighter) => object;

export interface Highlighter {
  registerLanguage(name: string, grammar: Grammar): void;
  getLanguage(name: string): object | undefined;
  highlight(code: string, options: { language: string; ignoreIllegals?: boolean }): { _emitter: { rootNode: { children: Node[] } } };
}

declare const core: Highlighter;
export default core;
