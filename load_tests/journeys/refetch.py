"""When a page asks anew for what it shows beside the feed: shortly after news, and now and then without."""

import math


class Refetch:
    """One thing that is fetched; `settle` seconds after the last news in a burst, and `period` seconds after it was."""

    def __init__(self, settle: float, period: float) -> None:
        self._settle = settle
        self._period = period
        self.due = -math.inf

    def news(self, clock: float) -> None:
        """Something changed."""
        self.due = clock + self._settle

    def is_due(self, clock: float) -> bool:
        """Whether to ask now; if so the period begins again."""
        if clock < self.due:
            return False
        self.due = clock + self._period
        return True
