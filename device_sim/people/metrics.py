"""Counters of the simulated people, served on their process's metrics port."""

from prometheus_client import Counter, Gauge

PRESENT = Gauge("anban_people_present", "Simulated people who are signed in and see their board", ["role"])
ACTIONS = Counter("anban_people_actions_total", "Commands sent, by the last word of their path", ["what", "answer"])
SIGN_INS = Counter("anban_people_sign_ins_total", "Attempts to sign in", ["answer"])
