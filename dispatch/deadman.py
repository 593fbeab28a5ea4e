"""The dead-man's ping: somebody outside is told every minute that all is well, and raises the alarm when it stops."""

from typing import Final

import requests
import structlog
from prometheus_client import Counter

PATIENCE_SECONDS: Final = 10.0
PINGS = Counter("anban_deadman_pings_total", "Pings to the outside that all is well, by how they ended", ["outcome"])
log = structlog.get_logger()


class DeadMan:
    """Pings a URL; without one it does nothing. The URL is a secret: whoever has it can say that all is well."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._failing = False

    def ping(self) -> bool:
        """Say that all is well; returns whether it was heard. Raises nothing: the silence itself is the message."""
        if self._url is None:
            return False
        try:
            # A detour, to a login page say, is nobody who listens.
            answer = requests.get(self._url, timeout=PATIENCE_SECONDS, allow_redirects=False)
            heard, why = answer.status_code < 300, f"status {answer.status_code}"
        except requests.RequestException as error:
            heard, why = False, type(error).__name__
        PINGS.labels("heard" if heard else "failed").inc()
        if not heard and not self._failing:
            log.warning("the dead-man's ping is not heard", why=why)
        self._failing = not heard
        return heard
