"""What the settings of Claude Code name as command: `python -I -S …/start.py hook`.

It is a script of a few lines because Python compiles a script at each start, but takes what a script imports from its
cache. Without `site` nothing of ours is on the path, so that comes first. The end is abrupt: there is nothing to tidy
up, and whatever may have gone wrong, the exit code is 0 (2 would block Claude's tool call).
"""

import sys

try:
    import posix

    if not __package__:
        sys.path.append(__file__.rpartition("/ctm_trio/")[0])
    if sys.argv[1:2] == ["statusline"]:
        from ctm_trio.producers.statusline import main
    else:
        from ctm_trio.producers.hook import main
    main(sys.argv[1:])
finally:
    posix._exit(0)
