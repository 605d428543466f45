/** English texts about what sessions need and what is said to them, merged into `en.js`. */
export default {
  status: {
    permission: 'Asks permission', question: 'Asks a question', plan: 'Shows a plan', dialog: 'Dialog open', failed: 'Stopped by an error', limited: 'Limit reached',
    waiting: 'Waits for you', exited: 'Claude has ended', gone: 'Terminal gone', working: 'Working', background: 'Runs in the background', starting: 'Starting',
    unheard: 'Not heard', unseen: 'Not known yet', reasonWorking: 'Works on its turn',
  },
  warning: {
    last_error_call: 'Last call failed', error_burst: 'Many errors', quota_high: 'Quota nearly used', context_imminent: 'Context nearly full',
    yolo_unchecked: 'No checkpoint', stuck: 'Seems stuck',
  },
  account: {
    nearly: 'Your account has used {pct} % of its limit ({limit}).', reached: 'Your account has reached its limit ({limit}).', resets: 'It resets at {at}, in {span}.',
  },
  unwatched: {
    text: { one: '1 Claude Code session runs on this machine that is not watched.', other: '{n} Claude Code sessions run on this machine that are not watched.' },
    watches: { one: 'watches it.', other: 'watches them.' },
    copy: 'Copy the command', dismiss: 'Do not say this until there are more',
  },
  explain: {
    why: 'Why does it say so?', short: 'why?', title: 'Why {name} has this status', decided: 'Decided by {source}.', evidence: 'What was seen, newest first', nothing: 'Nothing yet.', doctor: 'The doctor says what is wrong with its hooks',
    rejected: 'Why it is nothing else', source: { hook: 'hook', client: 'Claude’s own file', tmux: 'tmux', screen: 'screen' },
  },
  answer: {
    kind: { permission: 'Permission', question: 'Question', plan: 'Plan', dialog: 'Dialog' },
    state: { open: 'Open', answered: 'Answered', answered_elsewhere: 'Answered in the terminal', withdrawn: 'No longer asked' },
    risk: 'Hard to undo', riskText: 'It deletes, overwrites, publishes, or changes rights', agent: 'for its sub-agent {agent}', more: '{n} more', next: 'Next', ok: 'OK', over: 'What became of it',
    allow: 'Allow', allowChanged: 'Allow the changed command', allowNoNote: 'Allow without the note', deny: 'Deny', denyNote: 'Deny with this note', denyStop: 'Deny and stop', addNote: 'Add a note', edit: 'Edit', command: 'Command',
    note: 'Note for Claude', noteHint: 'What should it do instead? It is sent when you deny', again: 'Press a again to allow it', sending: 'Sending …', sent: 'Answered', send: 'Send',
    plan: 'Plan', approve: 'Approve', approveNoNote: 'Approve without this', approveChanged: 'Approve the changed plan', approveEdits: 'Approve and accept edits', keepPlanning: 'Keep planning', sendFeedback: 'Send, keep planning', feedback: 'What is missing', feedbackHint: 'Claude reads it and goes on planning', editPlan: 'Edit the plan',
    step: 'Question {n} of {of}', several: 'Choose one or more', other: 'Something else', otherHint: 'Your own answer', discuss: 'Talk about it', discussHint: 'Claude reads this instead of an answer',
    no: 'It cannot be answered from here; answer it in the terminal.', byKeys: 'This is pressed for you in the terminal. Notes and changes are not possible here.', inTerminal: 'This can only be answered in the terminal.',
    asChanged: '{did}, as you changed it',
    corrected: 'The terminal was faster; your answer did not count: {what}',
    did: {
      allow: 'Allowed', deny: 'Denied', deny_stop: 'Denied and stopped', approve: 'Approved', approve_accept_edits: 'Approved, edits accepted', keep_planning: 'Keeps planning',
      answers: 'Answered', discuss: 'You talk about it', keys: 'Answered by keys that were sent from here',
    },
    became: {
      withdrawn: 'No longer asked: the turn was interrupted, or the session has ended.', terminal: 'Answered in the terminal.', terminalAt: 'Answered in the terminal at {at}.',
      answered: '{what} · {at}', by: '{what} · by {by}, {at}',
    },
  },
  hold: { hint: 'Hold to confirm', holding: 'Keep holding …', short: 'Hold a little longer', again: 'Press again to confirm' },
  next: {
    title: 'Next', nav: 'Next', summary: { one: '1 waits for your answer', other: '{n} wait for your answer' }, none: 'Nothing to answer', skip: 'Skip', emptyTitle: 'Nobody needs you.',
    emptyText: 'When a session asks for something, it appears here.', line: 'After this', more: 'and {n} more', same: { one: '1 more asks the same', other: '{n} more ask the same' },
    allowAll: { one: 'Allow 1', other: 'Allow all {n}' }, denyAll: { one: 'Deny 1', other: 'Deny all {n}' },
    did: { allow: { one: '1 allowed', other: '{n} allowed' }, deny: { one: '1 denied', other: '{n} denied' } },
  },
  composer: {
    label: 'Say something to {name}', hint: 'Say something. Enter sends, Shift+Enter makes a new line', hintShort: 'Say something', send: 'Send', sendIdle: 'Send when it is done', bytes: '{n} of {max} bytes',
    idle: 'When it is done', idleText: 'Held back until its turn is over', keys: 'Keys', interrupt: 'Interrupt', interrupted: 'Interrupted', notInterrupted: 'Esc was sent. It is still at work.', show: 'Show it',
    attach: 'Attach an image', uploading: { one: 'Sending the image', other: 'Sending {n} images' }, said: 'What you said lately', takeBack: 'Take back', again: 'Edit again', commandList: 'Commands',
    key: { Escape: 'Esc', Up: 'Up', Down: 'Down', Left: 'Left', Right: 'Right', Tab: 'Tab', BTab: 'Shift+Tab', Enter: 'Enter', 1: '1', 2: '2', 3: '3' },
    state: { held: 'Held until it is done', typed: 'Typed', delivered: 'Delivered', queued: 'In its queue', failed: 'Not sent' },
    resume: 'Resume', resuming: 'Starting…', resumed: '{name} runs again',
    off: {
      ended: 'It has ended.', elsewhere: 'What it asks can be answered here. To talk to it, go to its own window: nothing can be typed there from here.',
      endedElsewhere: 'It has ended. It was started by hand, so start it again where it ran.',
    },
    errors: {
      dialog_open: 'It asks you something first. Answer that, then send this.',
      exited: 'Claude has ended in this terminal.', tmux_dead: 'Its terminal is gone.', not_seen: 'It was typed, but Claude did not take it.',
      invalid_image: 'Only PNG, JPEG, GIF and WebP images can be attached.', too_large: 'The image is larger than 10 MB.', unreachable: 'The daemon could not be reached.', timeout: 'The daemon took too long to answer.',
    },
    commands: {
      clear: 'Begin a new conversation', compact: 'Summarise the conversation', context: 'What fills the context', cost: 'What it has cost', init: 'Write a CLAUDE.md', review: 'Review a pull request',
      memory: 'Edit what it remembers', model: 'Choose the model', status: 'Version and account', resume: 'Go on with another conversation', agents: 'Sub-agents', mcp: 'MCP servers', permissions: 'What is allowed',
      help: 'Help', exit: 'End Claude',
    },
  },
};
