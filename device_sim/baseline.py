"""What is normal for one person: resting vitals, habits and how far they stray, by age, gender and conditions.

The limits keep an ordinary day below every threshold that would call for help: nobody's normal is an alarm.
"""

import random
from dataclasses import dataclass

from device_sim.population import Elder


@dataclass(frozen=True)
class Limits:
    """The band an ordinary day stays within, inclusive."""

    low: float
    high: float

    def hold(self, value: float) -> float:
        """The nearest value inside the band."""
        return min(self.high, max(self.low, value))


@dataclass(frozen=True)
class Baseline:
    """Resting values (/min, %, °C, mmHg), the bands of an ordinary day, and habits (local hours, steps a day)."""

    hr: float
    hr_jitter: float
    hr_reserve: float
    hr_limits: Limits
    spo2: float
    spo2_limits: Limits
    rr: float
    rr_limits: Limits
    temp: float
    sbp: float
    sbp_limits: Limits
    dbp: float
    wakes: float
    sleeps: float
    steps_a_day: float


def baseline_of(elder: Elder) -> Baseline:
    """The baseline of an elder, always the same one."""
    rng = random.Random(f"baseline:{elder.number}")
    has = set(elder.conditions).__contains__
    spo2, spo2_limits = _oxygen(rng, elder)
    breathless = has("copd") or has("heart_failure")
    fibrillates = has("atrial_fibrillation")
    resting = rng.gauss(70, 6) + 2 * (elder.gender == "female") + 4 * has("copd") + 5 * fibrillates
    resting -= 5 * (has("coronary_heart_disease") or has("heart_failure"))
    sbp = Limits(116, 172).hold(rng.gauss(146, 8) if has("hypertension") else rng.gauss(128, 7))
    frailty = 0.35 if has("parkinson") or has("stroke") or "disabled" in elder.tags else 1.0
    return Baseline(
        hr=Limits(56, 84).hold(resting),
        hr_jitter=5.5 if fibrillates else 1.5,
        hr_reserve=rng.uniform(14, 26),
        hr_limits=Limits(44, 108),
        spo2=spo2,
        spo2_limits=spo2_limits,
        rr=Limits(13, 18).hold(rng.gauss(15.2, 1.1) + 1.8 * breathless),
        rr_limits=Limits(11, 22 if has("copd") else 20),
        temp=Limits(36.2, 36.9).hold(rng.gauss(36.5, 0.15)),
        sbp=sbp,
        sbp_limits=Limits(112, 188),
        dbp=Limits(56, 98).hold(sbp * 0.56 + rng.gauss(0, 5)),
        wakes=Limits(4.5, 8.0).hold(rng.gauss(6.2, 0.6)),
        sleeps=Limits(19.5, 23.5).hold(rng.gauss(21.4, 0.7)),
        steps_a_day=max(300.0, rng.gauss(4200, 1500) * frailty * (1 - max(0, elder.age - 75) * 0.02)),
    )


def _oxygen(rng: random.Random, elder: Elder) -> tuple[float, Limits]:
    if elder.oxygen_scale == 2:
        return Limits(89, 91).hold(rng.gauss(90, 0.6)), Limits(88, 92)
    if "copd" in elder.conditions:
        return Limits(94.4, 96).hold(rng.gauss(95, 0.5)), Limits(94, 97)
    usual = rng.gauss(97.4, 0.5) - 0.02 * max(0, elder.age - 75) - 0.6 * ("heart_failure" in elder.conditions)
    return Limits(95.8, 98.6).hold(usual), Limits(94, 100)
