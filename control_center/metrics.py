"""What the control centre counts about itself."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

REQUESTS: Final = Counter("anban_http_requests_total", "HTTP requests by route", ["method", "route", "status"])
REQUEST_SECONDS: Final = Histogram("anban_http_request_seconds", "Time to answer an HTTP request", ["route"])
SCREENS: Final = Gauge("anban_feed_screens", "Screens connected to the feed")
FRAMES: Final = Counter("anban_feed_frames_total", "Frames put into screens' queues", ["type"])
OVERFLOWS: Final = Counter("anban_feed_overflows_total", "Queues dropped because a screen was too slow")
FEED_STALE: Final = Gauge("anban_feed_stale", "1 while the feed cannot read the database")
FEED_DELAY: Final = Histogram(
    "anban_feed_delay_seconds",
    "From an event's time to its frames being queued",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10),
)
LANE_LISTENING: Final = Gauge("anban_event_lane_listening", "1 while the broker's event lane is read for screens")
EVENTS_HEARD: Final = Counter("anban_event_lane_events_total", "Events heard on the broker's event lane", ["result"])
UNRECORDED_CALLS: Final = Gauge("anban_unrecorded_calls", "Calls for help shown although they are not recorded")
ANSWERS_WAITING: Final = Gauge("anban_unrecorded_answers_waiting", "Answers on the emergency page not yet applied")
REGISTER_COPY_AGE: Final = Gauge("anban_register_copy_age_seconds", "Age of the copy of register and sessions")
