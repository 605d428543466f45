/**
 * What the API takes and answers. `?` = left out while unknown. Times are RFC 3339 in UTC.
 * Made from web/openapi.py by scripts/dashboard/api_types.py: do not edit.
 */

export interface Error {
  error: string;
  message: string;
}

export interface Credentials {
  username: string;
  password: string;
}

export interface Login {
  token: string;
  username: string;
}

export interface Session {
  name: string;
  uuid: string;
  mode: string;
  workdir: string;
  created_at: string;
  is_active: boolean;
  tmux_alive: boolean;
  managed: boolean;
  can_type: boolean;
  blocked: boolean;
  warnings: Warning[];
  last_attached_at?: string;
  last_tool_call_at?: string;
  context_pct?: number;
  tokens?: { input_tokens: number; output_tokens: number; cache_tokens: number };
  attention?: { state: string; since: string; details?: string };
  cost_usd_micros?: number;
  model?: string;
  status?: Status;
}

export interface Warning {
  state: string;
  since: string;
  details: string;
}

export interface Status {
  state: 'permission' | 'question' | 'plan' | 'dialog' | 'failed' | 'limited' | 'waiting' | 'exited' | 'gone' | 'background' | 'working' | 'starting' | 'unheard';
  since: string;
  reason: string;
  source: 'hook' | 'client' | 'tmux' | 'screen';
  request_id?: string;
  resets_at?: string;
}

export interface Request {
  id: string;
  kind: 'permission' | 'question' | 'plan' | 'dialog';
  session: string;
  uuid: string;
  tool: string;
  input: Record<string, unknown>;
  summary: string;
  cwd: string;
  asked_at: string;
  choices: { id: string; label: string; detail?: string }[];
  risk: 'low' | 'normal' | 'high';
  state: 'open' | 'answered' | 'answered_elsewhere' | 'withdrawn';
  answerable: 'hook' | 'keys' | 'no';
  agent_id?: string;
  agent_type?: string;
  tool_use_id?: string;
  questions?: Record<string, unknown>[];
  plan?: string;
  diff?: string;
  why_not?: string;
  answer?: Answer;
}

export interface Answer {
  choice: string;
  by: Record<string, unknown> | null;
  where: 'page' | 'push' | 'cli' | 'mcp' | 'terminal';
  at: string;
  message?: string;
}

export interface Prompt {
  id: string;
  state: 'held' | 'typed' | 'delivered' | 'queued' | 'failed';
  text: string;
  when: 'now' | 'idle';
  at: string;
  typed_at?: string;
  reason?: string;
  error?: string;
  wrapped?: boolean;
}

export interface Explained {
  state: 'permission' | 'question' | 'plan' | 'dialog' | 'failed' | 'limited' | 'waiting' | 'exited' | 'gone' | 'background' | 'working' | 'starting' | 'unheard';
  since: string;
  reason: string;
  source: string;
  blocked: boolean;
  request_id?: string;
  resets_at?: string;
}

export interface ToolCall {
  session: string;
  tool: string;
  is_error: boolean;
  ts: string;
  input?: string;
  summary?: string;
  tool_use_id?: string;
  duration_ms?: number;
  agent_id?: string;
  exit_code?: number;
  permission_mode?: string;
}

export interface StoredCall {
  id: string;
  session: string;
  type: 'tool_call';
  ts: string;
  payload: ToolCall;
}

export interface Detail {
  tool: string;
  input_json: string;
  output_excerpt: string;
  ts: string;
  is_error: boolean;
  diff?: string;
}

export interface Subagent {
  id: string;
  parent_id: string | null;
  type: string;
  description: string;
  started_at: string;
  tool_calls: number;
  status: 'running' | 'completed' | 'failed';
  stopped_at?: string;
  duration_ms?: number;
  errors?: number;
  last_message?: string;
}

export interface Team {
  id: string;
  name: string;
  dispatched_at: string;
  status: string;
  summary: string;
  members: { subagent_id: string; description: string; status: string }[];
}

export interface Quota {
  weekly_pct: number | null;
  five_hr_pct: number | null;
  weekly_resets_at: string;
  five_hr_resets_at: string;
}

export interface Hub {
  published: number;
  dropped: number;
  subscribers: number;
  ring_sizes: Record<string, number>;
}

export interface Health {
  status: string;
  version: string;
  uptime_seconds: number;
  components: Record<string, string>;
  config_reloads: number;
  restarts: Record<string, number>;
  unwatched_clients: number;
  transcripts: { behind: number; unknown_lines: number; long_lines: number };
  hub: Hub;
}

export interface Settings {
  webhook_url: string;
  webhook_auth: string;
  attention: {
    error_rate_pct: number;
    error_rate_window: number;
    idle_minutes: number;
    quota_pct: number;
    context_pct: number;
    yolo_unchecked_minutes: number;
  };
}

export interface SettingsPatch {
  webhook_url?: string;
  webhook_auth?: string;
  webhook_secret?: string;
  webhook_format?: string;
  webhook_events?: ('attention_raised' | 'attention_cleared')[];
  attention?: {
    error_rate_pct?: number;
    error_rate_window?: number;
    idle_minutes?: number;
    quota_pct?: number;
    context_pct?: number;
    yolo_unchecked_minutes?: number;
  };
}

export interface UnderWay {
  status: 'under_way';
  order: string;
  kind: string;
  look: string;
  ends_within_s: number;
  message: string;
}

export interface CostPoint {
  ts: string;
  session: string;
  input_tokens: number;
  output_tokens: number;
  cache_tokens: number;
  cost_usd_micros: number;
  model: string;
  source: string;
}

export interface Match {
  id: string;
  session: string;
  uuid: string;
  ts: string;
  tool: string;
  is_error: boolean;
  snippet: string;
  kind: 'call' | 'prompt' | 'text' | 'thinking' | 'tool' | 'command' | 'compaction' | 'notice';
  entry?: string;
  tool_use_id?: string;
  agent_id?: string;
  title?: string;
  project?: string;
}

export interface MessageTokens {
  input: number;
  output: number;
  cache_creation: number;
  cache_read: number;
}

export interface Entry {
  id: string;
  ts: string;
  kind: 'prompt' | 'text' | 'thinking' | 'tool' | 'command' | 'compaction' | 'notice';
  turn: number;
  agent_id?: string;
  text?: string;
  images?: { media_type: string; bytes: number; src: string }[];
  queued?: boolean;
  output?: boolean;
  tool?: string;
  tool_use_id?: string;
  input?: unknown;
  summary?: string;
  is_error?: boolean;
  result?: string;
  duration_ms?: number;
  started_agent?: string;
  diff?: string;
  tokens?: MessageTokens;
  model?: string;
}

export interface Conversation {
  uuid: string;
  title: string;
  project: string;
  cwd: string;
  started_at: string;
  ended_at: string;
  prompts: number;
  tokens: MessageTokens;
  resumable: boolean;
  session?: string;
  cost?: number;
  why_not?: 'no_transcript' | 'no_prompts' | 'no_directory';
}

export interface Usage {
  agent_id: string;
  model: string;
  day: string;
  tokens: MessageTokens;
}

/** What comes with a success; null: no content. */
export interface Answers {
  'GET /healthz': { status: string; uptime_seconds: number };
  'GET /health': Health;
  'GET /debug/hub': Hub;
  'GET /metrics': string;
  'GET /api/openapi.json': Record<string, unknown>;
  'GET /api/bootstrap': {
    version: string;
    port: number;
    has_webhook: boolean;
    orders: Record<string, { deadline_s: number; answer_s: number }>;
  };
  'GET /api/auth/status': { registered: boolean; authenticated: boolean };
  'POST /api/auth/signup': Login;
  'POST /api/auth/login': Login;
  'POST /api/auth/logout': null;
  'GET /api/sessions': Session[];
  'POST /api/sessions': Session;
  'GET /api/sessions/{name}': Session;
  'POST /api/sessions/{name}/resume': Session;
  'POST /api/sessions/{name}/kill': Session;
  'POST /api/sessions/{name}/forget': Session;
  'POST /api/sessions/{name}/rename': Session;
  'POST /api/sessions/{name}/input': null;
  'POST /api/sessions/{name}/prompt': {
    id: string;
    state: 'held' | 'typed' | 'delivered' | 'queued' | 'failed';
    when: 'now' | 'idle';
    at: string;
    typed_at?: string;
    reason?: string;
    error?: string;
    wrapped?: boolean;
  };
  'GET /api/sessions/{name}/prompts': { prompts: Prompt[] };
  'DELETE /api/sessions/{name}/prompts/{id}': null;
  'POST /api/sessions/{name}/images': { path: string };
  'POST /api/sessions/{name}/interrupt': { ended: boolean };
  'POST /api/sessions/{name}/keys': null;
  'GET /api/sessions/{name}/attach-url': { url: string };
  'GET /api/sessions/{name}/explain': {
    status: Explained;
    evidence: { ts: string; source: string; what: string }[];
    rejected: { state: string; why: string }[];
  };
  'GET /api/sessions/{name}/conversation': { entries: Entry[]; has_more: boolean; uuid: string; title?: string };
  'GET /api/conversations/{uuid}/entries': { entries: Entry[]; has_more: boolean; uuid: string; title?: string };
  'GET /api/sessions/{name}/conversation/export': { uuid: string; title: string; entries: Entry[] };
  'GET /api/conversations/{uuid}/export': { uuid: string; title: string; entries: Entry[] };
  'GET /api/sessions/{name}/usage': { usage: Usage[]; cost_usd_micros?: number; prices_as_of?: string };
  'GET /api/conversations': { conversations: Conversation[]; has_more: boolean };
  'GET /api/conversations/{uuid}': Conversation;
  'GET /api/conversation/media/{id}': string;
  'GET /api/requests': { requests: Request[] };
  'GET /api/requests/{id}': Request;
  'POST /api/requests/{id}/answer': Request;
  'POST /api/requests/answer': {
    results: {
      id: string;
      status: number;
      request?: Request;
      error?: string;
      message?: string;
    }[];
  };
  'POST /api/presence': null;
  'GET /api/quota': Quota | null;
  'GET /api/feed': ToolCall[];
  'GET /api/sessions/{name}/feed': ToolCall[];
  'GET /api/sessions/{name}/feed/history': { events: StoredCall[]; has_more: boolean };
  'GET /api/sessions/{name}/tool_calls/{call}/detail': Detail;
  'GET /api/sessions/{name}/subagents': { subagents: Subagent[] };
  'GET /api/sessions/{name}/teams': { teams: Team[] };
  'GET /api/sessions/{name}/checkpoints': {
    git_workdir: boolean;
    checkpoints: { sha: string; subject: string; ts: string; ago: string }[];
    incomplete?: boolean;
  };
  'GET /api/sessions/{name}/checkpoints/{sha}/diff': string;
  'POST /api/sessions/{name}/revert': {
    ok: boolean;
    reverted_to: string;
    stashed_as?: string;
    kept_in?: string;
    kept?: string[];
  };
  'GET /api/logs/usage': {
    dir: string;
    total_bytes: number;
    files: { uuid: string; session: string; bytes: number; mtime: string }[];
  };
  'GET /api/cost': {
    window: string;
    points: CostPoint[];
    totals: { input: number; output: number; cache: number; cost_usd_micros: number };
    base: Record<string, number>;
    spent: {
      since: string;
      days: Record<string, number>;
      models: Record<string, number>;
      sessions: Record<string, number>;
    };
    source: string;
    prices_as_of: string;
  };
  'GET /api/search': { query: string; matches: Match[]; truncated: boolean; complete: boolean };
  'GET /api/doctor': {
    checks: {
      name: string;
      status: 'ok' | 'warn' | 'err';
      message?: string;
      remediation?: string;
    }[];
  };
  'GET /api/config': Settings;
  'PATCH /api/config': { status: string };
  'GET /api/webhook/settings': { webhook_format: string; webhook_events: string[]; has_secret: boolean };
  'GET /api/webhook/deliveries': {
    deliveries: {
      id: string;
      event: string;
      alert: string;
      session: string;
      created_at: string;
      status: 'pending' | 'delivered' | 'failed';
      tries: number;
      last_status: number | null;
      last_error: string;
      next_try_at: string;
    }[];
  };
  'POST /api/webhook/test': { ok: boolean; status: number | null; error: string; took_ms: number };
  'POST /api/hooks/{event}': null;
  'GET /api/orders/{order}': {
    order: string;
    kind: string;
    status: 'under_way' | 'done';
    ends_within_s?: number;
    overdue?: boolean;
    answer?: { status: number; body: unknown };
  };
}

/** What is sent. */
export interface Bodies {
  'POST /api/auth/signup': { username: string; password: string; code?: string };
  'POST /api/auth/login': Credentials;
  'POST /api/sessions': {
    workdir: string;
    name?: string;
    initial_prompt?: string;
    mode?: 'safe' | 'yolo';
    resume?: string;
    fork?: boolean;
  };
  'POST /api/sessions/{name}/kill': { confirm: string };
  'POST /api/sessions/{name}/forget': { confirm: string };
  'POST /api/sessions/{name}/rename': { to: string };
  'POST /api/sessions/{name}/input': {
    text?: string;
    preset?: 'yes' | 'no' | 'continue' | 'follow';
    key?: 'C-c' | 'Down' | 'Enter' | 'Escape' | 'Left' | 'Right' | 'Tab' | 'Up';
  };
  'POST /api/sessions/{name}/prompt': { text: string; key: string; when?: 'now' | 'idle' };
  'POST /api/sessions/{name}/images': unknown;
  'POST /api/sessions/{name}/keys': {
    keys: ('1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | 'BSpace' | 'BTab' | 'C-b' | 'C-c' | 'C-e' | 'C-l' | 'C-o' | 'C-r' | 'C-t' | 'C-u' | 'Down' | 'End' | 'Enter' | 'Escape' | 'Home' | 'Left' | 'NPage' | 'PPage' | 'Right' | 'Space' | 'Tab' | 'Up' | 'n' | 'y')[];
  };
  'POST /api/requests/{id}/answer': {
    choice: string;
    key: string;
    message?: string;
    updated_input?: Record<string, unknown>;
    updated_plan?: string;
    answers?: Record<string, unknown>;
    where?: 'page' | 'push' | 'cli' | 'mcp';
  };
  'POST /api/requests/answer': { ids: string[]; choice: string; key: string };
  'POST /api/presence': { visible: boolean; session?: string; page?: string };
  'POST /api/sessions/{name}/revert': { sha: string; stash_first?: boolean };
  'PATCH /api/config': SettingsPatch;
  'POST /api/hooks/{event}': { name?: string; uuid?: string; mode?: string; workdir?: string };
}

/** What may be asked for in the query. */
export interface Queries {
  'GET /api/sessions/{name}/conversation': {
    before?: string;
    after?: string;
    from?: 'start';
    limit?: number;
    agent?: string;
  };
  'GET /api/conversations/{uuid}/entries': {
    before?: string;
    after?: string;
    from?: 'start';
    limit?: number;
    agent?: string;
  };
  'GET /api/sessions/{name}/conversation/export': { format?: 'md' | 'json'; agent?: string };
  'GET /api/conversations/{uuid}/export': { format?: 'md' | 'json'; agent?: string };
  'GET /api/conversations': { q?: string; project?: string; before?: string; limit?: number };
  'GET /api/requests': { state?: 'open' | 'all'; session?: string; limit?: number };
  'GET /api/feed': { limit?: number };
  'GET /api/sessions/{name}/feed': { limit?: number };
  'GET /api/sessions/{name}/feed/history': { before: string; limit?: number };
  'GET /api/sessions/{name}/subagents': { since?: string };
  'GET /api/sessions/{name}/checkpoints': { limit?: number };
  'GET /api/cost': { session?: string; window?: 'hour' | 'day' | 'week' };
  'GET /api/search': {
    q: string;
    in?: 'calls' | 'conversation' | 'all';
    role?: 'prompt' | 'answer' | 'tool';
    session?: string;
    conversation?: string;
    tool?: string;
    error?: boolean;
    since?: string;
    until?: string;
    before?: string;
    limit?: number;
  };
  'GET /events/session/{name}/pane': { history?: number };
  'GET /ws': { session?: string[]; types?: string[]; since?: string };
}
