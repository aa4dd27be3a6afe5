"""What an account has used of what a platform grants it a day, by all sources of this process.

Platforms count better, across processes and restarts; this keeps a process from using up, in one
long reading, what it was configured to share.
"""

import threading
from datetime import date
from typing import Final

__all__ = ["clear", "spend"]

_spent: Final[dict[str, tuple[date, int]]] = {}
_lock: Final = threading.Lock()


def spend(account: str, units: int, granted: int, day: date) -> bool:
    """Count a call, if it fits; returns whether it does.

    Args:
        account: whose it is, as ``agents.waits.account`` marks it.
        units: what it costs.
        granted: what may be spent in a day.
        day: the platform's own.
    """
    with _lock:
        before, spent = _spent.get(account, (day, 0))
        spent = units + (spent if before == day else 0)
        if spent > granted:
            return False
        _spent[account] = (day, spent)
    return True


def clear() -> None:
    """Forget what was spent, as tests do."""
    with _lock:
        _spent.clear()
