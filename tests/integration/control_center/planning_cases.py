"""Requests to the routes by which supervisors plan: escalation policies, rotas, swaps and hand-over notes."""

from typing import Final

from tests.integration.control_center import planning_rows as planning
from tests.integration.control_center.route_cases import ACT_FOR_GUI, AROUND_GUI, Case, expect

_SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
_NO_ROLE: Final = dict.fromkeys(("worker", "worker_of_gui", "asked_worker", "outside_worker", "administrator"), 403)
_FAMILIES: Final = {"family_of_gui": 403, "family_of_chen": 403}
_STAFF_LISTS: Final = expect(200, _SIGNED_OUT, _NO_ROLE, _FAMILIES)
_BEIBEI_STAFF: Final = dict.fromkeys(("operator", "supervisor", "street_operator", "other_street_operator"), 200)
_IN_BEIBEI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, _FAMILIES, _BEIBEI_STAFF)
_IN_TIANSHENG: Final = expect(404, _SIGNED_OUT, _NO_ROLE, _FAMILIES, AROUND_GUI)
_SUPERVISOR: Final = expect(403, _SIGNED_OUT, {"supervisor": 200})
_SUPERVISOR_MAKES: Final = expect(403, _SIGNED_OUT, {"supervisor": 201})
_SUPERVISOR_ENDS: Final = expect(403, _SIGNED_OUT, {"supervisor": 204})
_ON_ROTAS: Final = expect(404, _SIGNED_OUT, _FAMILIES, {"administrator": 403})
_POLICY: Final = "/api/escalation-policies/{code}"
_ROTA: Final = "/api/rotas/{rota_id}"
PLANNING: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/escalation-policies"): Case("/api/escalation-policies", _STAFF_LISTS),
    ("POST", "/api/escalation-policies"): Case("/api/escalation-policies", _SUPERVISOR_MAKES, planning.policy_body()),
    ("GET", _POLICY): Case(
        "/api/escalation-policies/of-tiansheng",
        _IN_TIANSHENG,
        None,
        planning.add_policy,
    ),
    ("PUT", _POLICY): Case(
        "/api/escalation-policies/of-tiansheng", _SUPERVISOR, planning.policy_body(), planning.add_policy
    ),
    ("DELETE", _POLICY): Case("/api/escalation-policies/of-tiansheng", _SUPERVISOR_ENDS, None, planning.add_policy),
    ("GET", "/api/elders/{elder_id}/escalation"): Case("/api/elders/{gui}/escalation", ACT_FOR_GUI),
    ("GET", "/api/units"): Case("/api/units", _STAFF_LISTS),
    ("GET", "/api/rotas"): Case("/api/rotas", _STAFF_LISTS),
    ("POST", "/api/rotas"): Case("/api/rotas", _SUPERVISOR_MAKES, {"org_code": "500109", "name": "夜班"}),
    ("GET", _ROTA): Case("/api/rotas/7", _IN_BEIBEI, None, planning.add_rota),
    ("DELETE", _ROTA): Case("/api/rotas/7", _SUPERVISOR_ENDS, None, planning.add_rota),
    ("GET", _ROTA + "/colleagues"): Case("/api/rotas/7/colleagues", _SUPERVISOR, None, planning.add_rota),
    ("PUT", _ROTA + "/layers/{position}"): Case(
        "/api/rotas/7/layers/1", _SUPERVISOR, planning.layer_body, planning.add_rota
    ),
    ("DELETE", _ROTA + "/layers/{position}"): Case("/api/rotas/7/layers/1", _SUPERVISOR, None, planning.add_rota),
    ("POST", _ROTA + "/overrides"): Case(
        "/api/rotas/7/overrides", _SUPERVISOR_MAKES, planning.override_body, planning.add_rota
    ),
    ("DELETE", _ROTA + "/overrides/{override_id}"): Case(
        "/api/rotas/7/overrides/7", _SUPERVISOR, None, planning.add_rota
    ),
    ("GET", "/api/shifts"): Case("/api/shifts", expect(200, _SIGNED_OUT, _FAMILIES, {"administrator": 403})),
    ("POST", _ROTA + "/swaps"): Case(
        "/api/rotas/7/swaps",
        {**_ON_ROTAS, **dict.fromkeys(_BEIBEI_STAFF, 409), "operator": 201},
        planning.swap_body,
        planning.add_rota,
    ),
    ("POST", "/api/swaps/{swap_id}/answer"): Case(
        "/api/swaps/7/answer", {**_ON_ROTAS, "street_operator": 200}, {"agrees": True}, planning.add_swap
    ),
    ("POST", _ROTA + "/notes"): Case(
        "/api/rotas/7/notes",
        {**_ON_ROTAS, **dict.fromkeys(_BEIBEI_STAFF, 403), "operator": 201, "supervisor": 201},
        {"note": "一切平安"},
        planning.add_rota,
    ),
    ("POST", "/api/handover-notes/{note_id}/acknowledge"): Case(
        "/api/handover-notes/7/acknowledge",
        {**_ON_ROTAS, "street_operator": 200, "operator": 200},
        {},
        planning.add_note,
    ),
}
