/** English texts about what was said, merged into `en.js`. */
export default {
  indexing: {
    left: 'Still reading transcripts: {n} left. More appears here by itself.',
    behind: 'Still reading transcripts. More appears here by itself.',
  },
  reader: {
    title: 'Conversation', label: 'Conversation of {name}', tools: 'Conversation view', outline: 'Prompts', you: 'You', task: 'Its task', queued: 'sent while it was busy',
    kinds: { prompt: 'Prompt', text: 'Answer', thinking: 'Thinking', tool: 'Tool call', command: 'Command', compaction: 'Compaction', notice: 'Notice' },
    nextPrompt: 'Next prompt', previousPrompt: 'Previous prompt', olderPrompts: 'Earlier prompts that are not loaded', promptsBetween: 'Prompts between that are not loaded', noPrompts: 'No prompts yet', imageOnly: 'Image',
    copyPrompt: 'Copy this prompt', copyAnswer: 'Copy this answer', copyOutput: 'Copy the output', copyCallLink: 'Copy the link to this call', output: 'output', copyLink: 'Copy the link', link: 'link', all: 'Show all', less: 'Show less', tokens: '{n} tokens out',
    thinking: 'Thinking', thinkingHidden: 'Thinking. Claude Code did not keep the text.', printed: 'Output', printedNothing: 'The command printed nothing.', compaction: 'The conversation was summarised', summary: 'Summary',
    noResult: 'no result yet', table: 'Table', taskDone: 'Done', taskOpen: 'To do', tasks: '{done} of {n} done', taskOf: 'Task {id}: {what}', imageOf: 'Image: {what}', image: 'Image, {size}', imageFailed: 'The image could not be loaded.',
    thread: 'Sub-agent', threadAlone: 'Open as a page', threadEnd: 'Its last {n} entries', threadEmpty: 'It has said nothing yet.', threadUnknown: 'What it says is shown as soon as it is known.',
    agentNote: 'You are reading the thread of a sub-agent: {what}', entryGone: 'The entry that this link leads to is not there any more. This is the end of the conversation.', entryNotYet: 'The entry that this link leads to is not known yet. This is the end of what was read so far.', backToMain: 'Back to the main thread',
    find: 'Find in this conversation', findCount: '{at} of {n}', findNext: 'Next match', findPrevious: 'Previous match', findList: 'Matches', findBusy: 'Searching …', findCountMore: '{at} of {n}+',
    findShort: 'Only what is loaded was searched. With {n} characters all of it is.', findThreads: 'Also found in threads of sub-agents:',
    newMark: 'New', fresh: { one: '1 new entry', other: '{n} new entries' }, toEnd: 'To the end', toStart: 'To the beginning', scroll: 'Scroll', beginning: 'This is where the conversation begins', moreFailed: 'More could not be loaded.',
    export: 'Export', exportMd: 'Save as Markdown', exportJson: 'Save as JSON', exportFailed: 'It could not be exported: {text}',
    emptyTitle: 'Nothing was said yet', emptyText: 'Prompts and answers appear here as soon as Claude Code writes them down.', openPane: 'Open the terminal',
  },
  conversations: {
    title: 'Conversations', all: 'All conversations', search: 'Search titles and prompts', hint: 'Title or prompt', project: 'Project', allProjects: 'All projects',
    count: { one: '{n} conversation', other: '{n} conversations' }, many: 'The newest {n} conversations', more: 'More conversations', untitled: 'Without a title',
    prompts: { one: '{n} prompt', other: '{n} prompts' }, tokens: '{n} tok in all', tokensTitle: 'All its tokens, those from the cache too', costTitle: 'Cost by the tokens and the price table', actions: 'Actions for {title}',
    none: 'No conversations yet', noneText: 'Every conversation with Claude Code on this computer is listed here, also those that were never started with ctm.',
    countSoFar: { one: '{n} conversation so far', other: '{n} conversations so far' }, noneSoFar: 'No conversations so far', noMatchSoFar: 'No conversation matches so far',
    noMatch: 'No conversation matches', noMatchText: 'The search looks at titles and prompts.', clear: 'Show all',
    unknown: 'There is no such conversation', unknownText: 'Its transcript may have been deleted. Claude Code deletes old ones by itself.',
    notYet: 'This conversation is not known yet', notYetText: 'Transcripts are still being read. If this one is among them, it opens here by itself.',
    whyNot: {
      no_transcript: 'Its transcript is not there any more.', no_prompts: 'It has no prompts.', no_directory: 'Its directory is not there any more.', runs: 'Its session runs already.',
    },
    cannot: 'It can be neither resumed nor forked. {why}',
    resume: 'Resume', fork: 'Fork', resumeTitle: 'Go on with this conversation', resumeText: 'A new session goes on where it ended, in {dir}.',
    forkTitle: 'Fork this conversation', forkText: 'A new session in {dir} begins with a copy of it. The conversation itself stays as it is.',
    errors: {
      conversation_taken: 'A session has this conversation. Resume that session, or fork the conversation.', unknown_conversation: 'The transcript of this conversation is no longer there.',
      invalid_resume: 'This conversation cannot be resumed.',
    },
  },
  usage: {
    title: 'Tokens by agent, model and day', cost: '{sum} by the price table', differs: 'Claude Code itself says {own}, its transcripts come to {counted}: the two differ by more than 10 %.',
    none: 'No tokens are known from its transcripts.', prices: 'Prices of {date}. Days begin at midnight UTC.', day: 'Day', agent: 'Agent', model: 'Model', main: 'main thread',
    input: 'Input', output: 'Output', cache_creation: 'Cache, written', cache_read: 'Cache, read',
  },
};
