/**
 * What was said in a session, as the daemon sends it. Source: PROTOCOL.md, Conversations. Times are RFC 3339 in UTC, `?` = left
 * out while unknown.
 */

export interface ConversationTokens {
  input: number;
  output: number;
  cache_creation: number;
  cache_read: number;
}

export interface EntryImage {
  media_type: string;
  bytes: number;
  /** A path of the daemon, which wants the token. */
  src: string;
}

export interface Entry {
  id: string;
  ts: string;
  kind: 'prompt' | 'text' | 'thinking' | 'tool' | 'command' | 'compaction' | 'notice';
  turn: number;
  /** The sub-agent whose entry it is; of a call of the main thread, the one that it started. */
  agent_id?: string;
  text?: string;
  summary?: string;
  images?: EntryImage[];
  /** Of a prompt: typed while it was busy. */
  queued?: boolean;
  /** Of a command: what it printed. */
  output?: boolean;
  tool?: string;
  tool_use_id?: string;
  input?: unknown;
  result?: string;
  is_error?: boolean;
  duration_ms?: number;
  started_agent?: string;
  diff?: string;
  tokens?: ConversationTokens;
  model?: string;
  /** In an event: it was too long for one. */
  truncated?: boolean;
}

export interface EntriesPage {
  entries: Entry[];
  has_more: boolean;
  uuid: string;
  title?: string;
}

export interface Conversation {
  uuid: string;
  title: string;
  project: string;
  cwd: string;
  started_at: string;
  ended_at: string;
  prompts: number;
  tokens: ConversationTokens;
  resumable: boolean;
  /** If it is not resumable. */
  why_not?: 'no_transcript' | 'no_prompts' | 'no_directory';
  session?: string;
  /** US dollars. */
  cost?: number;
}

export interface AgentUsage {
  /** '' for the main thread. */
  agent_id: string;
  model: string;
  day: string;
  tokens: ConversationTokens;
}

export interface UsageAnswer {
  usage: AgentUsage[];
  cost_usd_micros?: number;
  prices_as_of?: string;
}
