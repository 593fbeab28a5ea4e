"""Builds alarm cards and elders from the tables, set by set: any number of cards costs the same few queries."""

from collections.abc import Collection, Iterable
from datetime import date, datetime

from control_center.cards import (
    AlarmCard,
    AlarmDevice,
    AlarmResponse,
    ElderBrief,
    Entry,
    Escalation,
    NextDue,
    Org,
    Pause,
    Person,
    Point,
    Promise,
    Sla,
)
from control_center.dependencies import Connection
from control_center.finding_views import finding_of, news2_of
from control_center.lifecycle_views import claim_on, group_of, shelving_of
from control_center.offer_views import assigned_worker, search_of, without_phone
from dispatch.promises import clocks
from schemas.database import Row, rows
from schemas.district_time import today
from schemas.statements import statement
from schemas.states import ENDED

ALARMS = statement("""
    SELECT alarm.*, device.id AS device_id, device.kind AS device_kind, household.address,
           household.phone AS home_phone, household.door_note, household.key_holder, household.key_holder_phone,
           CASE WHEN alarm.about_worker_id IS NOT NULL THEN (alarm.details ->> 'lat')::float8
                WHEN alarm.org_code IS NULL THEN household.lat ELSE org_unit.lat END AS lat,
           CASE WHEN alarm.about_worker_id IS NOT NULL THEN (alarm.details ->> 'lon')::float8
                WHEN alarm.org_code IS NULL THEN household.lon ELSE org_unit.lon END AS lon,
           org_unit.code AS org_code, org_unit.name AS org_name, account.name AS acknowledged_name,
           claimant.name AS claimed_name, claimed.name AS claimed_seat_name,
           incident_group.id AS group_id, incident_group.kind AS group_kind, incident_group.place AS group_place,
           (SELECT count(*) FROM incident AS other WHERE other.group_id = incident_group.id) AS group_incidents,
           worker.id AS worker_id, responder.name AS worker_name, provider.name AS worker_provider,
           worker.phone AS worker_phone, asked.offers_open, asked.offers_made
    FROM alarm
    LEFT JOIN device ON device.key = alarm.device_key
    LEFT JOIN household ON household.id = alarm.household_id
    LEFT JOIN org_unit ON org_unit.code = COALESCE(household.org_code, alarm.org_code)
    LEFT JOIN account ON account.id = alarm.acknowledged_by
    LEFT JOIN account AS claimant ON claimant.id = alarm.claimed_by
    LEFT JOIN seat AS claimed ON claimed.id = alarm.claimed_seat
    LEFT JOIN incident ON incident.id = alarm.incident_id
    LEFT JOIN incident_group ON incident_group.id = incident.group_id
    LEFT JOIN worker ON worker.id = alarm.responder_id
    LEFT JOIN account AS responder ON responder.id = worker.account_id
    LEFT JOIN provider ON provider.id = worker.provider_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS offers_made, count(*) FILTER (WHERE offer.state = 'open') AS offers_open
        FROM offer WHERE offer.alarm_id = alarm.id) AS asked
    WHERE alarm.id = ANY(%(ids)s::bigint[])
""")
ELDERS = statement("""
    SELECT elder.id, elder.household_id, elder.name, elder.gender, elder.birth_date, elder.state, elder.living_alone,
           elder.tags, elder.phone, household.address, household.lat, household.lon,
           household.phone AS home_phone, household.door_note, household.key_holder, household.key_holder_phone,
           org_unit.code AS org_code, org_unit.name AS org_name
    FROM elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit ON org_unit.code = household.org_code
    WHERE elder.id = ANY(%(ids)s::integer[]) OR elder.household_id = ANY(%(household_ids)s::integer[])
    ORDER BY elder.id
""")
FAMILY_ELDERS = statement("""
    SELECT elder_id FROM elder_audience(%(now)s::timestamptz)
    WHERE account_id = %(account_id)s::integer AND role = 'family'
""")


def age(born: date, day: date) -> int:
    """Full years of age on a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def elder_brief(elder: Row, now: datetime) -> ElderBrief:
    """An elder from a row of ELDERS."""
    return ElderBrief(
        id=elder["id"],
        name=elder["name"],
        gender=elder["gender"],
        age=age(elder["birth_date"], today(now)),
        state=elder["state"],
        living_alone=elder["living_alone"],
        tags=elder["tags"],
        address=elder["address"],
        org=Org(code=elder["org_code"], name=elder["org_name"]),
        phone=elder["phone"],
    )


def elder_briefs(conn: Connection, ids: Iterable[int], now: datetime) -> dict[int, ElderBrief]:
    """Elders by id; ids that nobody has are left out."""
    found = rows(conn, ELDERS, {"ids": list(ids), "household_ids": []})
    return {elder["id"]: elder_brief(elder, now) for elder in found}


def promise(
    due_at: datetime | None, met_at: datetime | None, ended_at: datetime | None, now: datetime
) -> Promise | None:
    """One promise of the service level; an alarm that ended stops the clock of what was no longer needed."""
    if due_at is None:
        return None
    return Promise(due_at=due_at, met_at=met_at, breached=(met_at or ended_at or now) > due_at)


def _sla(alarm: Row, now: datetime) -> Sla:
    made = {
        clock.promise: Promise(due_at=clock.due_at, met_at=clock.met_at, breached=clock.broken)
        for clock in clocks(alarm, now)
    }
    paused = alarm["paused_at"]
    return Sla(
        answer=made.get("answer"),
        dispatch=made.get("dispatch"),
        accept=made.get("accept"),
        on_scene=made.get("on_scene"),
        resolve=made.get("resolve"),
        paused=Pause(since=paused, until=alarm["paused_until"], reason=alarm["pause_reason"]) if paused else None,
    )


def _next_due(alarm: Row) -> NextDue | None:
    if alarm["due_at"] is None or alarm["due_reason"] == "close":
        return None
    return NextDue(at=alarm["due_at"], reason=alarm["due_reason"])


def point(lat: float | None, lon: float | None) -> Point | None:
    """A place, or None where it is not known."""
    return None if lat is None or lon is None else Point(lat=lat, lon=lon)


def _response(alarm: Row) -> AlarmResponse:
    search = search_of(alarm["response_detail"])
    return AlarmResponse(
        state=alarm["response_state"],
        due_at=alarm["response_due_at"],
        responder=assigned_worker(alarm),
        offers_open=alarm["offers_open"],
        offers_made=alarm["offers_made"],
        turned_away=search.turned_away,
        nearest_miss=search.nearest_miss,
    )


def _entry(alarm: Row, place: Row) -> Entry | None:
    """How to get in; it is nobody's business unless somebody goes there."""
    if alarm["responder_id"] is None or alarm["ended_at"] is not None or place["household_id"] is None:
        return None
    return Entry(
        phone=place["home_phone"],
        door_note=place["door_note"],
        key_holder=place["key_holder"],
        key_holder_phone=place["key_holder_phone"],
    )


def _alarm_card(alarm: Row, wearer: Row | None, residents: list[ElderBrief], now: datetime) -> AlarmCard:
    elder = elder_brief(wearer, now) if wearer else None
    home = elder if alarm["org_code"] is None else None
    place = wearer if home and wearer else alarm
    org = Org(code=alarm["org_code"] or "", name=alarm["org_name"] or "")
    acknowledged_by = alarm["acknowledged_by"]
    return AlarmCard(
        id=alarm["id"],
        kind=alarm["kind"],
        severity=alarm["severity"],
        state=alarm["state"],
        is_test=alarm["is_test"],
        raised_at=alarm["raised_at"],
        occurred_at=alarm["occurred_at"],
        last_signal_at=alarm["last_signal_at"],
        signal_count=alarm["signal_count"],
        sla=_sla(alarm, now),
        next_due=_next_due(alarm),
        escalation=Escalation(level=alarm["escalation_level"], roles=alarm["escalation_roles"]),
        acknowledged_at=alarm["acknowledged_at"],
        acknowledged_by=Person(id=acknowledged_by, name=alarm["acknowledged_name"]) if acknowledged_by else None,
        incident_id=alarm["incident_id"],
        group=group_of(alarm),
        claim=claim_on(alarm),
        shelved=shelving_of(alarm),
        resolved_at=alarm["ended_at"],
        outcome=alarm["outcome"],
        outcome_cause=alarm["outcome_cause"],
        news2=news2_of(alarm["details"].get("news2")),
        finding=finding_of(alarm["details"]),
        device=AlarmDevice(id=alarm["device_id"] or "", kind=alarm["device_kind"] or ""),
        elder=elder,
        residents=residents,
        address=home.address if home else (alarm["address"] or ""),
        org=home.org if home else org,
        home=point(place["lat"], place["lon"]),
        entry=_entry(alarm, place),
        response=_response(alarm),
    )


def alarm_cards(conn: Connection, ids: Collection[int], now: datetime) -> dict[int, AlarmCard]:
    """The cards of alarms by id, in two queries; ids that no alarm has are left out. Scope is the caller's business."""
    if not ids:
        return {}
    alarms = rows(conn, ALARMS, {"ids": list(ids)})
    households = {alarm["household_id"] for alarm in alarms if alarm["household_id"] is not None}
    wearers = {alarm["elder_id"] for alarm in alarms if alarm["elder_id"] is not None}
    elders: dict[int, Row] = {}
    homes: dict[int, list[int]] = {}
    for elder in rows(conn, ELDERS, {"ids": list(wearers), "household_ids": list(households)}):
        elders[elder["id"]] = elder
        homes.setdefault(elder["household_id"], []).append(elder["id"])
    cards: dict[int, AlarmCard] = {}
    for alarm in sorted(alarms, key=lambda alarm: alarm["id"]):
        at_home = homes.get(alarm["household_id"], []) if alarm["household_id"] is not None else []
        residents = [elder_brief(elders[elder_id], now) for elder_id in at_home if elder_id != alarm["elder_id"]]
        cards[alarm["id"]] = _alarm_card(alarm, elders.get(alarm["elder_id"]), residents, now)
    return cards


def elders_of_family(conn: Connection, account_id: int, now: datetime) -> set[int]:
    """The elders whom a relative's account may see."""
    return {found["elder_id"] for found in rows(conn, FAMILY_ELDERS, {"now": now, "account_id": account_id})}


def _told(response: AlarmResponse) -> AlarmResponse:
    """A response as anybody but staff is told: who comes, and nothing of the search."""
    return AlarmResponse(
        state="found" if response.responder else None,
        due_at=None,
        responder=without_phone(response.responder),
        offers_open=0,
        offers_made=0,
        turned_away={},
        nearest_miss=None,
    )


def _clocks_alone(sla: Sla) -> Sla:
    """The clocks as anybody but staff is told of them: that they stand still, not why."""
    return sla.model_copy(update={"paused": sla.paused.model_copy(update={"reason": None})}) if sla.paused else sla


def for_family(card: AlarmCard, elder_ids: Collection[int]) -> AlarmCard:
    """A card without what a family may not see: elders who are not theirs, their measurements, the search for help."""
    own = card.elder is not None and card.elder.id in elder_ids
    return card.model_copy(
        update={
            "elder": card.elder if own else None,
            "news2": card.news2 if own else None,
            "finding": None,
            "incident_id": None,
            "group": None,
            "claim": None,
            "shelved": None,
            "outcome_cause": None,
            "residents": [resident for resident in card.residents if resident.id in elder_ids],
            "home": None,
            "entry": None,
            "response": _told(card.response),
            "sla": _clocks_alone(card.sla),
        }
    )


def visited(elder: ElderBrief, *, ended: bool) -> ElderBrief:
    """An elder as a worker is told: nothing about health, and once the visit is over only whose it was, not where and
    how she lives, nor how she is now."""
    gone = {"phone": None, "address": "", "living_alone": False, "state": "home"} if ended else {}
    return elder.model_copy(update={"tags": [], **gone})


def for_worker(card: AlarmCard) -> AlarmCard:
    """A card as the responder may see it: whom to help and where, nothing measured, nobody of the staff."""
    ended = card.state in ENDED
    return card.model_copy(
        update={
            "escalation": Escalation(level=0, roles=[]),
            "acknowledged_by": None,
            "news2": None,
            "finding": None,
            "incident_id": None,
            "group": None,
            "claim": None,
            "shelved": None,
            "outcome_cause": None,
            "device": AlarmDevice(id="", kind=""),
            "elder": visited(card.elder, ended=ended) if card.elder else None,
            "residents": [visited(resident, ended=ended) for resident in card.residents],
            "home": None if ended else card.home,
            "entry": None if ended else card.entry,
            "address": "" if ended else card.address,
            "response": _told(card.response),
            "sla": _clocks_alone(card.sla),
        }
    )
