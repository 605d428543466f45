/**
 * The shapes that the daemon sends, by the names that the page has for them. Answers come from `api.d.ts`; events are
 * written down here. Source of the events: PROTOCOL.md, Events. Times are RFC 3339 in UTC, `?` = left out while unknown.
 */
import type { Answers, CostPoint, Detail, Match, Quota, Session, Settings, StoredCall, Subagent, Team, ToolCall, UnderWay } from './api.js';

export type { Answers, Bodies, Queries } from './api.js';
export type { CostPoint, Quota, StoredCall, Team, ToolCall, UnderWay };

export type SessionView = Session;
export type Tokens = NonNullable<Session['tokens']>;
export type CallDetail = Detail;
export type SubAgent = Subagent;
export type SearchMatch = Match;
export type ConfigView = Settings;
export type Checkpoint = Answers['GET /api/sessions/{name}/checkpoints']['checkpoints'][number];
/** Points oldest first. `base`: each session's cost when the window began. `spent`: since midnight (UTC) of its first day. */
export type CostAnswer = Answers['GET /api/cost'];
export type DoctorCheck = Answers['GET /api/doctor']['checks'][number];
/** A message of the webhook. */
export type Delivery = Answers['GET /api/webhook/deliveries']['deliveries'][number];

/** What an error carries besides its code and message. Source: PROTOCOL.md, Errors. */
export interface ErrorBody {
  session?: { name: string };
  dirty_files?: string[];
  stashed_as?: string;
  /** Seconds, from the header of this name; 0 without one. */
  retry_after?: number;
}

/** A session's own figures, null while unknown. */
export interface SessionQuota {
  session: string;
  context_pct: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  cache_tokens: number | null;
}

/** As far as known: the command line sends what it has. */
export interface Lifecycle {
  name?: string;
  uuid?: string;
  mode?: string;
  workdir?: string;
  at?: string;
}

/** What an event of each type carries. The daemon may send types that are not here. */
export interface Payloads {
  tool_call: ToolCall;
  subagent_start: { session: string; agent_id: string; agent_type: string; ts: string };
  /** The account's if the event has no session. */
  quota_update: Quota | SessionQuota;
  attention_raised: { session: string; state: string; since: string; details: string; trigger_rule: string };
  attention_cleared: { session: string; state: string };
  session_new: Lifecycle;
  session_attached: Lifecycle;
  session_killed: Lifecycle;
  on_yolo: Lifecycle;
}

export type EventType = keyof Payloads;

/** An event of the stream. `session`: a name, or "" for the account. */
export type LiveEvent = {
  [Type in EventType]: { type: Type; session: string; payload: Payloads[Type]; id: string };
}[EventType];
