"""Whom a device of a whole household speaks for."""

from collections.abc import Iterable, Sequence

from schemas.states import ElderState

Resident = tuple[int, ElderState]
"""An elder's id and state."""


def living(residents: Iterable[Resident]) -> Sequence[Resident]:
    """Who counts in a home: those who are alive, or all when none is."""
    everybody = list(residents)
    return [resident for resident in everybody if resident[1] != "deceased"] or everybody


def shared_state(residents: Iterable[Resident]) -> ElderState | None:
    """The state that all who count in a home are in; None when they differ or there is nobody."""
    states = {state for _, state in living(residents)}
    return states.pop() if len(states) == 1 else None
