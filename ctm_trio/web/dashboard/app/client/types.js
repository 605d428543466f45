/**
 * The shapes on the wire, as JSDoc types. `?` = left out while unknown. Times are RFC 3339 in UTC.
 *
 * @typedef {{state: string, since: string, details?: string}} Attention
 * @typedef {{input_tokens: number, output_tokens: number, cache_tokens: number}} Tokens
 * @typedef {{name: string, uuid: string, mode: string, workdir: string, created_at: string, last_attached_at?: string,
 *   is_active: boolean, tmux_alive: boolean, last_tool_call_at?: string, context_pct?: number,
 *   attention?: Attention, tokens?: Tokens, cost_usd_micros?: number}} SessionView
 * @typedef {{session: string, tool: string, input?: string, summary?: string, is_error: boolean, ts: string,
 *   tool_use_id?: string, duration_ms?: number, agent_id?: string, exit_code?: number,
 *   permission_mode?: string}} ToolCall
 * @typedef {{id: string, session: string, type: string, ts?: string, payload: any}} WireEvent
 * @typedef {{weekly_pct: number, five_hr_pct: number, weekly_resets_at: string, five_hr_resets_at: string}} Quota
 * @typedef {{sha: string, subject: string, ts: string, ago: string}} Checkpoint
 * @typedef {{id: string, parent_id: string|null, type: string, description: string, started_at: string,
 *   stopped_at?: string, tool_calls: number, status: string}} SubAgent
 * @typedef {{id: string, name: string, dispatched_at: string, status: string, summary?: string,
 *   members: {subagent_id: string, description: string, status: string}[]}} Team
 * @typedef {{ts: string, session: string, input_tokens: number, output_tokens: number, cache_tokens: number,
 *   cost_usd_micros: number, model?: string, source?: string}} CostPoint
 * @typedef {{window: string, points: CostPoint[],
 *   totals: {input: number, output: number, cache: number, cost_usd_micros: number}, source?: string, prices_as_of?: string, base?: Record<string, number>,
 *   spent?: {since: string, days: Record<string, number>, models: Record<string, number>, sessions: Record<string, number>}}} CostAnswer
 *   points oldest first; `base`: cost of each session when the window began; `spent` since midnight (UTC) of the window's first day
 * @typedef {{tool: string, input_json: string, output_excerpt: string, ts: string, is_error: boolean,
 *   diff?: string}} CallDetail
 * @typedef {{id: string, session: string, uuid: string, ts: string, tool: string, snippet: string}} SearchMatch
 * @typedef {{name: string, status: 'ok'|'warn'|'err', message?: string, remediation?: string}} DoctorCheck
 * @typedef {{webhook_url: string, webhook_auth: string, attention: Record<string, number>}} ConfigView
 * @typedef {{id: string, event: string, alert: string, session: string, created_at: string, status: 'pending'|'delivered'|'failed',
 *   tries: number, last_status: number|null, last_error: string, next_try_at: string}} Delivery a message of the webhook
 */
export {};
