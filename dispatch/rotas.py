"""Rotas: who works when; pure. A rota's layers are shifts without end, its overrides what differs from them."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from schemas.district_time import DISTRICT_TIME


@dataclass(frozen=True)
class Layer:
    """Shifts that begin at each hand-over (rising, by the district's clock) of every `every_days`-th day since
    `first_day`, worked by the turns in order, again and again; a turn without anybody is a shift not worked."""

    position: int
    first_day: date
    every_days: int
    hand_over: tuple[time, ...]
    turns: tuple[frozenset[int], ...]
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True)
class Override:
    """From when until when `substitute_id` works instead of `absent_id`; either may be nobody."""

    id: int
    starts_at: datetime
    ends_at: datetime
    absent_id: int | None
    substitute_id: int | None


@dataclass(frozen=True)
class Rota:
    """Layers, of which the topmost (highest position) with somebody in it works, and overrides in the order given."""

    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True)
class Span:
    """A time without a hand-over in it, and who works it; nobody at all is a gap."""

    starts_at: datetime
    ends_at: datetime
    accounts: frozenset[int]


def shift_of(layer: Layer, at: datetime) -> tuple[int, datetime, datetime] | None:
    """The turn whose shift a moment lies in, and the shift's beginning and end; None before the first hand-over and
    outside of the layer's validity."""
    if at < layer.valid_from or (layer.valid_to is not None and at >= layer.valid_to):
        return None
    local = at.astimezone(DISTRICT_TIME)
    block, into = divmod((local.date() - layer.first_day).days, layer.every_days)
    passed = bisect_right(layer.hand_over, local.time()) if into == 0 else len(layer.hand_over)
    number = block * len(layer.hand_over) + passed - 1
    if number < 0:
        return None
    return number % len(layer.turns), _hand_over(layer, number), _hand_over(layer, number + 1)


def _hand_over(layer: Layer, number: int) -> datetime:
    """The beginning of a layer's shift, counted from 0."""
    block, which = divmod(number, len(layer.hand_over))
    day = layer.first_day + timedelta(days=block * layer.every_days)
    return datetime.combine(day, layer.hand_over[which], DISTRICT_TIME).astimezone(UTC)


def on_at(rota: Rota, at: datetime) -> frozenset[int]:
    """Who works at a moment, by account."""
    working = _planned(rota, at)
    for override in rota.overrides:
        if override.starts_at <= at < override.ends_at:
            working = _overridden(working, override)
    return working


def _planned(rota: Rota, at: datetime) -> frozenset[int]:
    for layer in sorted(rota.layers, key=lambda one: -one.position):
        shift = shift_of(layer, at)
        if shift is not None and layer.turns[shift[0]]:
            return layer.turns[shift[0]]
    return frozenset()


def _overridden(working: frozenset[int], override: Override) -> frozenset[int]:
    """Nobody stands in for somebody who does not work then anyway."""
    if override.absent_id is not None:
        if override.absent_id not in working:
            return working
        working -= {override.absent_id}
    return working | {override.substitute_id} if override.substitute_id is not None else working


def spans(rota: Rota, since: datetime, until: datetime) -> list[Span]:
    """Who works from `since` to `until`, cut at every hand-over and wherever it changes; they follow each other without
    a hole, the first begins at `since` and the last ends at `until`."""
    edges = sorted({since, until, *(edge for edge in _edges(rota, since, until) if since < edge < until)})
    return [Span(start, end, on_at(rota, start)) for start, end in pairwise(edges)]


def gaps(rota: Rota, since: datetime, until: datetime) -> list[Span]:
    """The times in which nobody works, those that touch joined."""
    found: list[Span] = []
    for span in spans(rota, since, until):
        if span.accounts:
            continue
        if found and found[-1].ends_at == span.starts_at:
            span = Span(found.pop().starts_at, span.ends_at, span.accounts)
        found.append(span)
    return found


def _edges(rota: Rota, since: datetime, until: datetime) -> Iterator[datetime]:
    for layer in rota.layers:
        yield layer.valid_from
        if layer.valid_to is not None:
            yield layer.valid_to
        yield from _hand_overs(layer, max(since, layer.valid_from), min(until, layer.valid_to or until))
    for override in rota.overrides:
        yield override.starts_at
        yield override.ends_at


def _hand_overs(layer: Layer, since: datetime, until: datetime) -> Iterator[datetime]:
    first = _hand_over(layer, 0)
    at = max(since, first)
    if since <= first < until:
        yield first
    while at < until:
        shift = shift_of(layer, at)
        if shift is None:
            return
        at = shift[2]
        yield at
