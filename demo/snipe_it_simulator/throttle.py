"""The server's rate limit: a fixed window of 60 s per user that begins with the first call."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60)


@dataclass
class Window:
    began: datetime
    calls: int = 0


@dataclass
class Throttle:
    """``per_minute`` is API_THROTTLE_PER_MINUTE."""

    per_minute: int = 120
    windows: dict[int, Window] = field(default_factory=dict)

    def count(self, user_id: int, now: datetime) -> tuple[bool, int, int]:
        """Count one call. Returns whether it may pass, the calls left and the window's end.

        The end is a Unix time. A refused call neither prolongs the window nor counts.
        """
        window = self.windows.get(user_id)
        if window is None or now - window.began >= WINDOW:
            window = self.windows[user_id] = Window(now)
        ends = int((window.began + WINDOW).timestamp())
        if window.calls >= self.per_minute:
            return False, 0, ends
        window.calls += 1
        return True, self.per_minute - window.calls, ends
