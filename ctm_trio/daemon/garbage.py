"""When Python looks for reference cycles.

Left alone, it looks through the whole heap each time that has grown by a quarter. With ten thousand logs that takes
half a second, in which nothing else happens. Here it looks at what is new, and at all of it once an hour at most.
"""

from __future__ import annotations

import gc
import time

NEW_OBJECTS, TIMES, OLDER_TIMES = 10_000, 5, 4
"""Objects between two looks at the newest ones; a look at the older ones after so many of these, and so on."""

WHOLE_S = 3600.0
"""So often at most everything is looked at: also what was in use an hour ago may be part of a cycle by now."""


def look_for_cycles_in_steps(whole_s: float = WHOLE_S) -> None:
    """Set the collector up so, for the whole process: what survives a full look is left out of those that follow.

    Args:
        whole_s: see `WHOLE_S`.
    """
    whole_at = time.monotonic() + whole_s

    def look(phase: str, info: dict[str, int]) -> None:
        nonlocal whole_at
        if info["generation"] < 2:
            return
        if phase == "stop":
            gc.freeze()
        elif time.monotonic() >= whole_at:
            whole_at = time.monotonic() + whole_s
            gc.unfreeze()

    gc.set_threshold(NEW_OBJECTS, TIMES, OLDER_TIMES)
    gc.callbacks.append(look)
