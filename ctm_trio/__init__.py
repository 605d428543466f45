"""ctm_trio: the daemon that watches Claude Code sessions.

Nothing is imported here, because the hook command that Claude Code waits for imports this package too. The
library objects are in `ctm_trio.daemon.server` (`Server`, `Options`, `AlreadyRunning`) and `ctm_trio.client`.
"""

__version__ = "0.2.0"
