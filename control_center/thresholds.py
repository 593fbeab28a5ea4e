"""Setting limits on vital signs: for one elder, and for all of a care level in a district; with who set what when."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import SignedIn, Staff, Supervisor
from control_center.cards import Shape
from control_center.dependencies import Db, ElderId, Now, Storable
from control_center.district_rights import DistrictCode, is_for_whole_district, require_whole_district
from control_center.errors import ApiError
from control_center.threshold_rows import (
    CareLevelSince,
    Place,
    Threshold,
    ThresholdSeverity,
    UsualRange,
    care_levels,
    end_threshold,
    place,
    set_care_level,
    set_threshold,
    thresholds_of_district,
    thresholds_of_elder,
    usual_ranges,
)
from schemas.database import Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import CareLevel
from schemas.vitals import RANGES, VITALS, Vital

IN_SCOPE = statement("""
    SELECT split_part(home.path, '/', 1) AS district_code
    FROM elder_audience(%(now)s::timestamptz) AS audience
    JOIN elder ON elder.id = audience.elder_id
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    WHERE audience.elder_id = %(elder_id)s::integer AND audience.account_id = %(account_id)s::integer
""")

router = APIRouter(prefix="/api", tags=["thresholds"])
Figure = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Limits(BaseModel):
    """The limits in the vital sign's unit; null is no limit on that side."""

    low: Figure | None = None
    high: Figure | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None


class Assessment(BaseModel):
    """An assessed care level."""

    level: CareLevel


class ElderThresholds(Shape):
    """The limits that hold for an elder, where each comes from, and what held before."""

    care_level: CareLevelSince | None
    own: list[Threshold]
    of_care_level: list[Threshold]
    usual: list[UsualRange]
    history: list[Threshold]
    care_level_history: list[CareLevelSince]


class DistrictThresholds(Shape):
    """The limits of a district's care levels, and what held before."""

    thresholds: list[Threshold]
    history: list[Threshold]
    may_change: bool


def _checked(vital: Vital, limits: Limits, *, needs_one: bool) -> dict[str, Any]:
    """The limits, refused where no living person could cross them or they cross each other."""
    known = RANGES[vital]
    for name in ("low", "high"):
        value = getattr(limits, name)
        if value is not None and value < known.low:
            _refuse("greater_than_equal", name, ge=known.low)
        if value is not None and value > known.high:
            _refuse("less_than_equal", name, le=known.high)
    if limits.low is not None and limits.high is not None and limits.high < limits.low:
        _refuse("greater_than_equal", "high", ge=limits.low)
    if needs_one and limits.low is None and limits.high is None:
        _refuse("missing", "high")
    return {"low": limits.low, "high": limits.high, "note": limits.note or None}


def _refuse(kind: str, field: str, **limit: float) -> None:
    raise RequestValidationError([{"type": kind, "loc": ("body", field), "ctx": limit}])


def _district_of(tx: Transaction, now: datetime, account: SignedIn, elder_id: int) -> str:
    found = tx.row(IN_SCOPE, {"elder_id": elder_id, "account_id": account.id, "now": now})
    if found is None:
        raise ApiError("not_found")
    return str(found["district_code"])


def _elder_thresholds(tx: Transaction, elder_id: int, district_code: str) -> ElderThresholds:
    levels = care_levels(tx, elder_id)
    level = next((known for known in levels if known.valid_to is None), None)
    found = thresholds_of_elder(tx, elder_id)
    of_district = thresholds_of_district(tx, district_code) if level else []
    return ElderThresholds(
        care_level=level,
        own=[threshold for threshold in found if threshold.valid_to is None],
        of_care_level=[
            threshold
            for threshold in of_district
            if level and threshold.care_level == level.level and threshold.valid_to is None
        ],
        usual=usual_ranges(tx, elder_id, VITALS),
        history=[threshold for threshold in found if threshold.valid_to is not None],
        care_level_history=[known for known in levels if known.valid_to is not None],
    )


def _district_thresholds(tx: Transaction, district_code: str, account: SignedIn, *, whole: bool) -> DistrictThresholds:
    found = thresholds_of_district(tx, district_code)
    return DistrictThresholds(
        thresholds=[threshold for threshold in found if threshold.valid_to is None],
        history=[threshold for threshold in found if threshold.valid_to is not None],
        may_change=whole and account.role == "supervisor",
    )


def _about(where: Place) -> dict[str, object]:
    return {name: value for name, value in where.items() if value is not None and name != "elder_id"}


@router.get("/elders/{elder_id}/thresholds")
def read_thresholds(elder_id: ElderId, account: Staff, db: Db, now: Now) -> ElderThresholds:
    """The limits on an elder's vital signs: own ones, the care level's, what is usual; and who set them when."""
    with db.transaction() as tx:
        district_code = _district_of(tx, now, account, elder_id)
        log_access(tx, now, account.id, "thresholds.read", elder_id=elder_id)
        return _elder_thresholds(tx, elder_id, district_code)


@router.put("/elders/{elder_id}/thresholds/{vital}/{severity}")
def set_elder_threshold(
    elder_id: ElderId, vital: Vital, severity: ThresholdSeverity, limits: Limits, account: Staff, db: Db, now: Now
) -> ElderThresholds:
    """Set an elder's own limits, in place of the care level's; without low and high there is none for this elder."""
    said = _checked(vital, limits, needs_one=False)
    where = place(vital, severity, elder_id=elder_id)
    with db.transaction() as tx:
        district_code = _district_of(tx, now, account, elder_id)
        if set_threshold(tx, now, where, said, account.id):
            log_access(tx, now, account.id, "threshold.set", elder_id=elder_id, detail=_about(where))
            tx.emit(Event("elder.changed", now, elder_id=elder_id, account_id=account.id))
        return _elder_thresholds(tx, elder_id, district_code)


@router.delete("/elders/{elder_id}/thresholds/{vital}/{severity}")
def end_elder_threshold(
    elder_id: ElderId, vital: Vital, severity: ThresholdSeverity, account: Staff, db: Db, now: Now
) -> ElderThresholds:
    """End an elder's own limits: the care level's hold again."""
    where = place(vital, severity, elder_id=elder_id)
    with db.transaction() as tx:
        district_code = _district_of(tx, now, account, elder_id)
        if not end_threshold(tx, now, where, account.id):
            raise ApiError("not_found")
        log_access(tx, now, account.id, "threshold.ended", elder_id=elder_id, detail=_about(where))
        tx.emit(Event("elder.changed", now, elder_id=elder_id, account_id=account.id))
        return _elder_thresholds(tx, elder_id, district_code)


@router.put("/elders/{elder_id}/care-level")
def assess_elder(elder_id: ElderId, said: Assessment, account: Staff, db: Db, now: Now) -> ElderThresholds:
    """Enter the care level that an assessment found: the limits of that level hold from now on."""
    with db.transaction() as tx:
        district_code = _district_of(tx, now, account, elder_id)
        set_care_level(tx, now, elder_id, said.level, account.id)
        log_access(tx, now, account.id, "care_level.set", elder_id=elder_id, detail={"level": said.level})
        tx.emit(Event("elder.changed", now, elder_id=elder_id, account_id=account.id))
        return _elder_thresholds(tx, elder_id, district_code)


@router.get("/districts/{district_code}/thresholds")
def read_district_thresholds(district_code: DistrictCode, account: Staff, db: Db, now: Now) -> DistrictThresholds:
    """The limits of a district's care levels; they are about nobody in particular."""
    with db.transaction() as tx:
        whole = is_for_whole_district(tx, now, account, district_code)
        return _district_thresholds(tx, district_code, account, whole=whole)


@router.put("/districts/{district_code}/thresholds/{care_level}/{vital}/{severity}")
def set_district_threshold(
    district_code: DistrictCode,
    care_level: CareLevel,
    vital: Vital,
    severity: ThresholdSeverity,
    limits: Limits,
    account: Supervisor,
    db: Db,
    now: Now,
) -> DistrictThresholds:
    """Set the limits for every elder of a care level who has no own ones."""
    said = _checked(vital, limits, needs_one=True)
    where = place(vital, severity, district_code=district_code, care_level=care_level)
    with db.transaction() as tx:
        require_whole_district(tx, now, account, district_code)
        if set_threshold(tx, now, where, said, account.id):
            log_access(tx, now, account.id, "threshold.set", detail=_about(where))
        return _district_thresholds(tx, district_code, account, whole=True)


@router.delete("/districts/{district_code}/thresholds/{care_level}/{vital}/{severity}")
def end_district_threshold(
    district_code: DistrictCode,
    care_level: CareLevel,
    vital: Vital,
    severity: ThresholdSeverity,
    account: Supervisor,
    db: Db,
    now: Now,
) -> DistrictThresholds:
    """End the limits of a care level."""
    where = place(vital, severity, district_code=district_code, care_level=care_level)
    with db.transaction() as tx:
        require_whole_district(tx, now, account, district_code)
        if not end_threshold(tx, now, where, account.id):
            raise ApiError("not_found")
        log_access(tx, now, account.id, "threshold.ended", detail=_about(where))
        return _district_thresholds(tx, district_code, account, whole=True)
