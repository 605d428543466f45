/** English texts of the views that are about more than one session, merged into `en.js`. */
export default {
  everything: {
    title: 'Feed of all sessions', label: 'Calls of all sessions, newest first', nav: 'Feed', count: { one: '{shown} row', other: '{shown} rows' },
    end: 'These are the latest calls of all sessions. Older ones are in each session’s own feed, and in the', search: 'search',
    emptyText: 'Calls of every session appear here the moment they happen.', noMatchText: 'Only the latest calls of all sessions were looked at.',
    clear: 'Clear the filters',
  },
  create: {
    title: 'New session', command: 'New session', workdir: 'Work directory', workdirHint: 'A full path. If the directory does not exist, it is made.',
    recent: 'Recent work directories', name: 'Name', nameHint: 'The directory’s name', optional: 'optional', mode: 'How careful',
    modes: {
      safe: { word: 'Safe', text: 'Asks in its terminal before it acts' },
      yolo: { word: 'Yolo', text: 'Acts without asking; you can talk to it from here' },
    },
    prompt: 'First prompt', promptHint: 'What shall it do? Typed as soon as Claude is ready.', tooLong: '{n} bytes too long to send.',
    go: 'Start session', busy: 'Starting …', done: '{name} is starting', open: 'Open {name}',
    errors: {
      workdir_not_absolute: 'Give the full path: it starts with “/”.', workdir_not_dir: 'This is a file, not a directory.',
      bad_workdir: 'This directory can be neither used nor made. Check the path and its permissions.',
      bad_name: 'Use letters, digits, dots, - and _; begin with a letter or a digit; at most 64 characters.',
      name_exists: 'A session of this name is there already.', no_claude: 'Claude Code was not found. Install it, or put “claude” on the daemon’s PATH; the doctor shows both.',
      spawn_failed: 'tmux could not start the session, and nothing was left behind. The daemon’s log says why.',
    },
  },
  settings: {
    title: 'Settings', text: 'Changes take effect at once. Streams and logins stay.', saved: 'Saved. The daemon uses it now', unsaved: 'There are changes that are not saved.',
    discard: 'Discard', saving: 'Saving …', webhook: 'Webhook', webhookText: 'When a session starts to need you, the daemon sends a message to this address.',
    url: 'Address', urlHint: 'Leave it empty to send nothing.', auth: 'Authorization', authHint: 'Sent as it is in the Authorization header: “Bearer …”.',
    secret: 'Signing secret', secretHint: 'Messages are signed with it as Standard Webhooks say. Empty: not signed.', format: 'Format', events: 'Send when a session',
    formats: { json: 'JSON', ntfy: 'ntfy', slack: 'Slack', discord: 'Discord', telegram: 'Telegram' },
    formatHints: {
      json: 'The daemon’s own shape, for scripts.', ntfy: 'Title, text and a link for an ntfy topic.', slack: 'For an incoming webhook of Slack.',
      discord: 'For a webhook of a Discord channel.', telegram: 'For a bot’s sendMessage address with its chat_id.',
    },
    eventNames: { attention_raised: 'starts to need you', attention_cleared: 'no longer needs you' },
    test: 'Send a test', testing: 'Sending …', testSave: 'Save first, then test.', testOk: 'It arrived: the address answered {status} after {took}.', testBad: 'The address answered {status}. {text}',
    testFailed: 'It could not be sent: {text}', deliveries: 'Last messages', deliveriesNone: 'Nothing has been sent yet.', deliveriesFailed: 'The list could not be read.',
    delivery: { pending: 'Waiting', delivered: 'Delivered', failed: 'Given up', suppressed: 'Held back', test: 'Test' },
    tries: { one: '1 try', other: '{n} tries' }, nextTry: 'next try {at}', over: '(over)', showAll: 'Show all {n}',
    thresholds: 'When a session needs you', thresholdsText: 'From these values on, a session moves to the top of the list, and you are told.',
    limits: {
      idle_minutes: { label: 'Seems stuck', hint: 'No tool call for longer than this' },
      context_pct: { label: 'Context nearly full', hint: 'The context window is this full' },
      quota_pct: { label: 'Quota nearly used', hint: 'A limit of the account is used this far' },
      error_rate_pct: { label: 'Many errors', hint: 'This share of the last calls failed' },
      error_rate_window: { label: 'Calls looked at for errors', hint: 'How many of the last calls count' },
      yolo_unchecked_minutes: { label: 'No checkpoint', hint: 'A yolo session made none for so long' },
    },
    units: { minutes: 'minutes', percent: '%', calls: 'calls' },
    problems: { range: 'A whole number from 1 to {top}.', url: 'An address starts with http:// or https://.' },
    browser: 'This browser', themeText: 'Light, dark, or what your system uses.',
  },
  notify: {
    title: 'Notifications', text: 'Tell me when a session starts to need me while I look at something else.', needs: '{name}: {state}', on: 'On',
    turnOnShort: 'Turn on', turnOn: 'Turn notifications on', turnOff: 'Turn notifications off',
    denied: 'Your browser blocks notifications from this page. Allow them in its settings for this site, then reload.',
    missing: 'This browser cannot show notifications.', insecure: 'Browsers show notifications only on https, and on the computer itself.',
  },
  doctor: {
    title: 'Doctor', again: 'Check again', busy: 'Checking …', copy: 'Copy: {command}', fine: { one: 'The one check is fine', other: 'All {n} checks are fine' },
    broken: { one: '{n} problem to solve', other: '{n} problems to solve' }, warned: { one: 'It works; {n} thing could be better', other: 'It works; {n} things could be better' },
    levels: { err: 'Problem', warn: 'Could be better', ok: 'Fine' },
    names: {
      'dep:tmux': 'tmux', 'dep:claude': 'Claude Code', 'dep:git': 'git', 'tmux:version': 'Version of tmux', 'config:load': 'Settings file',
      'sessions:store': 'List of sessions', 'claude:hooks': 'Permission for hooks', 'statusline:own': 'Your own status line', 'disk:space': 'Room on the disk', 'inotify:limits': 'File watching', 'hooks:trouble': 'Trouble of the hooks',
      'overlay:valid': 'Hooks of Claude Code', 'journal:state': 'Event log', 'clock:sane': 'Clock', 'port:bound': 'Port',
    },
    kinds: { dep: '{what}', env: 'Variable {what}', path: 'Program {what}', hooks: 'Hooks of {what}', webhook: 'Webhook', journal: 'Event log', overlay: 'Hooks of Claude Code' },
  },
  cost: {
    title: 'Cost', window: 'Time span', windows: { hour: 'Hour', day: 'Day', week: 'Week' }, spent: { hour: 'in the last hour', day: 'in the last day', week: 'in the last week' },
    all: 'All sessions', session: 'Session', model: 'Model', day: 'Day', tokens: 'Tokens', cost: 'Cost', share: 'Share', source: 'Where the figure comes from', sessions: 'By session', models: 'By model', days: 'By day',
    chart: 'Cost over time', chartOf: 'Cost of {name} over time', input: 'Input', output: 'Output', cache: 'Cache', noneTitle: 'No cost known for this time',
    noneText: 'Cost comes from Claude Code’s status line. It appears as soon as a session shows one; the doctor says if something is missing.', unknownModel: 'model not known', close: 'Show all sessions',
    sources: {
      reported: 'as Claude Code reports it', table: 'from the price table', default: 'at general prices, the model is not known', mixed: 'from more than one source', unknown: 'source not known',
    },
    explain: {
      reported: 'The sum that Claude Code itself shows for the session.', table: 'Tokens times the prices of {date}. The table is a file you can edit.',
      default: 'The model is not known; tokens are counted at general prices.',
    },
  },
  search: {
    title: 'Search', nav: 'Search', label: 'Search every call', hint: 'Command, file, output …', session: 'Session', allSessions: 'All sessions', short: 'Type at least {n} characters.',
    count: { one: '{n} match', other: '{n} matches' }, many: 'The newest {n} matches', emptyTitle: 'Search every call that was ever logged', emptyText: 'Any part of a command, a file name or an output. A match leads to its exact place in the feed.',
    none: 'Nothing found for “{q}”', noneText: 'The search looks for exactly these characters, in any case.', noneFiltered: 'With these filters there is nothing.', everywhere: 'Search everywhere', more: 'More matches',
    gone: 'Its session is no longer on the list; the log is kept.',
  },
  quota: {
    title: 'Limits of your account', five: '5-hour limit', weekly: 'Weekly limit', fiveShort: '5 h', weeklyShort: 'Week', resets: 'Resets {at}, in {span}', resetsShort: '· resets {at}', resetsIn: '· resets in {span}',
    ahead: { five: 'At this rate the 5-hour limit is reached at {at}', weekly: 'At this rate the weekly limit is reached {at}' }, lasts: 'Lasts at this rate', reached: 'The limit is reached',
    basis: {
      recent: { five: 'From the last hour', weekly: 'From the last day' }, average: { five: 'From the average of this window so far', weekly: 'From the average of this week so far' },
    },
  },
  palette: {
    title: 'Go anywhere, do anything', command: 'Command palette', label: 'Session, view or action', hint: 'Go to a session, a view, or do something', action: 'Action', view: 'View', theme: 'Use the {name} theme', refresh: 'Read everything again',
    searchFor: 'Search every call for “{q}”',
  },
};
