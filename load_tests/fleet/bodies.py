"""What wearables measure, drawn once and sent many times: making each message anew would cost more than sending it."""

import random
from typing import Final

PEOPLE: Final = 64
MOMENTS: Final = 48
_PRESSURE_EVERY: Final = 6
_POSITION_EVERY: Final = 6
"""One message in six has blood pressure, one in six a position: 6.67 data points a message."""
_HOME: Final = (29.83, 106.44)

Bodies = list[bytes]


def people(rng: random.Random) -> list[Bodies]:
    """The measurements of some different well people, each from their own baseline, ready to follow `"at":…`."""
    return [_person(rng) for _ in range(PEOPLE)]


def ill_person(rng: random.Random) -> Bodies:
    """The measurements of somebody whom NEWS2 finds in need of urgent help."""
    return [
        _body(rng, moment, hr=rng.gauss(118, 2), spo2=rng.gauss(90, 0.5), rr=rng.gauss(25, 0.5), temp=38.6, sbp=104)
        for moment in range(MOMENTS)
    ]


def _person(rng: random.Random) -> Bodies:
    hr, rr, temp, sbp = rng.uniform(60, 80), rng.uniform(14, 18), rng.uniform(36.3, 36.9), rng.uniform(118, 150)
    return [
        _body(
            rng,
            moment,
            hr=rng.gauss(hr, 2.5),
            spo2=min(99.0, rng.gauss(97.4, 0.4)),
            rr=rng.gauss(rr, 0.7),
            temp=rng.gauss(temp, 0.1),
            sbp=rng.gauss(sbp, 4),
        )
        for moment in range(MOMENTS)
    ]


def _body(rng: random.Random, moment: int, *, hr: float, spo2: float, rr: float, temp: float, sbp: float) -> bytes:
    said = f'"hr":{hr:.0f},"spo2":{spo2:.0f},"rr":{rr:.0f},"temp":{temp:.1f}'
    if moment % _PRESSURE_EVERY == 0:
        said += f',"sbp":{sbp:.0f},"dbp":{sbp * 0.6:.0f}'
    said += f',"steps":{rng.randrange(9000)}'
    if moment % _POSITION_EVERY == 3:
        lat, lon = (rng.gauss(degrees, 0.02) for degrees in _HOME)
        said += f',"lat":{lat:.5f},"lon":{lon:.5f}'
    return f'{said},"bat":{rng.randint(30, 100)}}}'.encode()
