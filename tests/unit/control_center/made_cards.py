"""Cards as the tests of the feed need them: of whom, and in what state."""

from datetime import UTC, datetime, timedelta

from control_center.cards import (
    AlarmCard,
    AlarmDevice,
    AlarmResponse,
    ElderBrief,
    Escalation,
    Org,
    Person,
    Point,
    Sla,
    WorkerBrief,
)
from control_center.visit_cards import VisitProof
from control_center.work_cards import Item, OfferCard, OfferedOrder, OrderCard, OrderPrice, OrderSla
from schemas.states import AlarmState, OfferState, OrderState

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
_MEAL = Item(
    code="meal",
    version=1,
    assist="meal",
    name_zh="助餐",
    name_en="Meal",
    duration_minutes=15,
    skills=["meal_delivery"],
)


def elder(elder_id: int) -> ElderBrief:
    """Somebody who is looked after."""
    return ElderBrief(
        id=elder_id,
        name="x",
        gender="female",
        age=80,
        state="home",
        living_alone=False,
        tags=[],
        address="",
        org=Org(code="", name=""),
        phone="139",
    )


def alarm_card(alarm_id: int, state: AlarmState = "raised", residents: tuple[int, ...] = ()) -> AlarmCard:
    """An alarm in a home where elders live."""
    return AlarmCard(
        id=alarm_id,
        kind="sos",
        severity="emergency",
        state=state,
        is_test=False,
        raised_at=NOW,
        occurred_at=NOW,
        last_signal_at=NOW,
        signal_count=1,
        sla=Sla(answer=None, dispatch=None, accept=None, on_scene=None, resolve=None, paused=None),
        next_due=None,
        escalation=Escalation(level=0, roles=[]),
        acknowledged_at=None,
        acknowledged_by=None,
        incident_id=None,
        group=None,
        claim=None,
        shelved=None,
        resolved_at=None,
        outcome=None,
        outcome_cause=None,
        news2=None,
        finding=None,
        device=AlarmDevice(id="B-1", kind="button"),
        elder=None,
        residents=[elder(resident) for resident in residents],
        address="",
        org=Org(code="", name=""),
        home=None,
        entry=None,
        response=AlarmResponse(
            state=None,
            due_at=None,
            responder=None,
            offers_open=0,
            offers_made=0,
            mode=None,
            lead_id=None,
            companion=None,
            planned_at=None,
            hall_until=None,
            turned_away={},
            nearest_miss=None,
        ),
    )


def order_card(order_id: int, state: OrderState = "accepted", elder_id: int = 1) -> OrderCard:
    """A meal for an elder, as staff see it."""
    return OrderCard(
        id=order_id,
        state=state,
        is_test=False,
        item=_MEAL,
        elder=elder(elder_id),
        home=Point(lat=29.8, lon=106.4),
        window_from=NOW,
        window_to=NOW + timedelta(hours=1),
        note="敲门要响",
        requested_at=NOW,
        source="operator",
        requested_by=Person(id=1, name="王敏"),
        sla=OrderSla(accept=None, arrive=None, finish=None),
        next_due=None,
        worker=WorkerBrief(id=5, name="赵", provider="天生", phone="138"),
        predicted_at=NOW,
        risk="none",
        accepted_at=NOW,
        departed_at=None,
        checked_in_at=None,
        begun_at=None,
        completed_at=None,
        confirmed_at=None,
        ended_at=NOW if state in ("completed", "cancelled", "failed") else None,
        end_reason=None,
        attention=None,
        offers_open=0,
        offers_made=1,
        mode=None,
        priority=0,
        lead_id=None,
        companion=None,
        planned_at=NOW,
        hall_until=None,
        proof=VisitProof(
            photos_needed=0,
            photos=[],
            ticks=[],
            pre_checks=[],
            least_minutes=7.5,
            checked_in_by=None,
            phone_times={},
            flags=[],
            flag_reason=None,
            confirm_code=None,
            confirmed_how=None,
            payment_held=None,
            rating=None,
        ),
        price=OrderPrice(price_fen=1200, subsidy_fen=300, elder_fen=900, category="aged_80"),
    )


def offer_card(offer_id: int, state: OfferState = "open") -> OfferCard:
    """The question whether somebody takes a meal."""
    return OfferCard(
        id=offer_id,
        state=state,
        is_test=False,
        order=OfferedOrder(id=1, item=_MEAL, window_from=NOW, window_to=NOW + timedelta(hours=1)),
        alarm=None,
        org=Org(code="", name=""),
        distance_m=100,
        travel_minutes=1,
        named=False,
        offered_at=NOW,
        expires_at=NOW + timedelta(seconds=90),
    )
