"""Counters of the simulator, served on its metrics port."""

from prometheus_client import Counter, Gauge

CONNECTED = Gauge("anban_sim_connected", "Devices connected to the broker now")
WANTED = Gauge("anban_sim_devices", "Devices that should be connected")
LOST = Counter("anban_sim_connections_lost_total", "Established connections that ended")
REFUSED = Counter("anban_sim_connections_refused_total", "Connection attempts that the broker refused")
GAVE_UP = Gauge("anban_sim_gave_up", "Devices left to another client that uses their identity")
PUBLISHED = Counter("anban_sim_published_total", "Messages acknowledged by the broker (PUBACK)", ["lane"])
RECORDED = Counter("anban_sim_events_recorded_total", "Events the service confirmed as recorded")
COMMANDS = Counter("anban_sim_commands_total", "Commands received", ["kind"])
KEPT = Gauge("anban_sim_kept_samples", "Samples waiting for a connection")
HAPPENED = Counter("anban_sim_happened_total", "Things that happened to the simulated elders", ["what"])
