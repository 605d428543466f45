/**
 * The shapes that the daemon sends, by the names that the page has for them. Answers come from `api.d.ts`; events are
 * written down here. Source of the events: PROTOCOL.md, Events. Times are RFC 3339 in UTC, `?` = left out while unknown.
 */
import type { Answer as ApiAnswer, Answers, CostPoint, Detail, Match, Queries, Quota, Request as ApiRequest, Session, Settings, Status, StoredCall, Subagent, Team, ToolCall, UnderWay, Warning } from './api.js';

import type { Entry } from './conversation.js';

export type { Answers, Bodies, Queries } from './api.js';
export type { AgentUsage, Conversation, Entry, EntryImage, UsageAnswer } from './conversation.js';
export type { CostPoint, Quota, Status, StoredCall, Team, ToolCall, UnderWay, Warning };

export type SessionView = Session;

/** Why a session has its status. */
export type Explained = Answers['GET /api/sessions/{name}/explain'];

export interface Question {
  question: string;
  header?: string;
  multiSelect?: boolean;
  options: { label: string; description?: string }[];
}

/** Who answered a request, what, where and when. `by`: null if the device has no name. */
export interface Answered extends ApiAnswer {
  by: { device: string; name: string } | null;
}

/** One thing that a session asks a person. Source: PROTOCOL.md, Requests. */
export interface Request extends ApiRequest {
  questions?: Question[] & Record<string, unknown>[];
  answer?: Answered;
}

/** The answer to one question: a label, a text of one's own, or several. */
export type Reply = string | { other: string } | (string | { other: string })[];

/** What is sent as an answer; its `key` is added on the way. */
export interface AnswerBody {
  choice: string;
  message?: string;
  updated_input?: Record<string, unknown>;
  updated_plan?: string;
  answers?: Record<string, Reply>;
}

/** What became of one of several requests that were answered at once. */
export interface BatchResult {
  id: string;
  status: number;
  request?: Request;
  error?: string;
  message?: string;
}

/** Words that were sent to a session. Source: PROTOCOL.md, Prompts and keys. */
export interface Prompt {
  id: string;
  text: string;
  state: 'held' | 'typed' | 'delivered' | 'queued' | 'failed';
  /** Why it waits or how it ended, for people; `error`: the same as a code. */
  reason?: string;
  error?: string;
  at?: string;
}

export type Tokens = NonNullable<Session['tokens']>;
export type CallDetail = Detail;
export type SubAgent = Subagent;
export type SearchAnswer = Omit<Answers['GET /api/search'], 'matches'> & { matches: SearchMatch[] };
/** Where it is looked: what was said and by whom, too. */
export type SearchFilter = Queries['GET /api/search'] & { in?: 'calls' | 'conversation' | 'all'; role?: '' | 'prompt' | 'answer' | 'tool' };
/** Of what was said, too. Source: PROTOCOL.md, History, search, details. */
export type SearchMatch = Match & {
  /** "call" for one that was logged, else the entry's kind. */
  kind?: string;
  /** Id of the entry, '' or left out for a call. */
  entry?: string;
};
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
  /** Of `request_closed` and `not_taken`: what has become of it. */
  request?: Request;
  /** Of `dialog_open`: what is asked in that dialog. */
  request_id?: string;
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

/** A request as its event has it: input, diff, plan and questions of one that is too long are left out, and `cut` says so. */
export type OpenedRequest = Request & { cut?: boolean };

/** What became of a prompt; `text` is its first 200 characters. */
export interface PromptEvent extends Prompt {
  session: string;
}

/** What an event of each type carries. The daemon may send types that are not here. */
export interface Payloads {
  tool_call: ToolCall;
  subagent_start: { session: string; agent_id: string; agent_type: string; ts: string };
  /** The account's if the event has no session. */
  quota_update: Quota | SessionQuota;
  attention_raised: { session: string; state: string; since: string; details: string; trigger_rule: string; request_id?: string };
  attention_cleared: { session: string; state: string };
  status_changed: Status & { session: string; blocked: boolean };
  request_opened: OpenedRequest;
  request_changed: { session: string; id: string; answerable: Request['answerable']; choices?: Request['choices']; why_not?: string };
  request_closed: { session: string; id: string; state: Request['state']; answer?: Answered; why_not?: string; took_ms: number };
  prompt_sent: PromptEvent;
  prompt_delivered: PromptEvent;
  prompt_failed: PromptEvent;
  conversation: { session: string; entries: Entry[] };
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
