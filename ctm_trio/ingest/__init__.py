"""From a log file to the journal: the watch, a tailer for each log, and whose a log is."""
