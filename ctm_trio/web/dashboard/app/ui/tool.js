/** How tools and their inputs are shown. */

/** What a tool is, in a picture. @param {string} tool */
export function toolIcon(tool) {
  if (/^(Edit|Write|MultiEdit|NotebookEdit)$/.test(tool)) return 'pencil';
  if (tool === 'Bash') return 'pane';
  if (/^(Read|Glob|LS)$/.test(tool)) return 'folder';
  if (/^(Grep|WebSearch|WebFetch|ToolSearch)$/.test(tool)) return 'search';
  if (/^(Agent|Task)/.test(tool)) return 'agents';
  if (/^Todo/.test(tool)) return 'check';
  return 'working';
}

/** mcp__linear__get_issue → "linear · get_issue". @param {string} tool */
export function toolName(tool) {
  const mcp = /^mcp__(.+?)__(.+)$/.exec(tool);
  return mcp ? `${mcp[1]} · ${mcp[2]}` : tool;
}

/** Paths in the work directory are shown from there. @param {string} input @param {string} [base] */
export const shorten = (input, base) => (base && input.startsWith(`${base}/`) ? input.slice(base.length + 1) : input);
