/** How tools and their inputs are shown. */
import { t } from '../i18n/index.js';

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

/** Fields that say in words what a call is about, the best first. */
const TELLING = ['subject', 'title', 'description', 'name', 'query', 'prompt', 'content', 'text', 'status'];

/**
 * What a call is about, in words: of a list of tasks how far it is, of a task what it is. A summary that is JSON is
 * replaced by a field that tells something, if there is one. @param {string} tool @param {unknown} input @param {string} summary
 */
export function callWords(tool, input, summary) {
  if (!input || typeof input !== 'object') return summary;
  const fields = /** @type {Record<string, unknown>} */ (input);
  if (tool === 'TodoWrite' && Array.isArray(fields.todos)) return todoWords(fields.todos);
  if (tool === 'TaskUpdate' && fields.taskId !== undefined) {
    const what = [fields.subject, fields.status].filter((one) => typeof one === 'string' && one).join(' · ');
    return what ? t('reader.taskOf', { id: String(fields.taskId), what }) : summary;
  }
  if (!/^\s*[{[]/.test(summary)) return summary;
  const telling = TELLING.map((key) => fields[key]).find((one) => typeof one === 'string' && one.trim());
  return telling ? String(telling).trim().split('\n', 1)[0] : summary;
}

/** @param {unknown[]} todos */
function todoWords(todos) {
  const list = todos.map((one) => /** @type {{status?: unknown, content?: unknown, activeForm?: unknown}} */ (one ?? {}));
  const now = list.find((one) => one.status === 'in_progress');
  const words = t('reader.tasks', { done: list.filter((one) => one.status === 'completed').length, n: list.length });
  const what = now?.activeForm ?? now?.content;
  return typeof what === 'string' && what ? `${words} · ${what}` : words;
}
