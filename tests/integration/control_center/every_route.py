"""The cases of every route, by subject."""

from typing import Final

from tests.integration.control_center import route_cases
from tests.integration.control_center.assigning_cases import ASSIGNING
from tests.integration.control_center.call_cases import CALLS
from tests.integration.control_center.lifecycle_cases import LIFECYCLE
from tests.integration.control_center.money_cases import MONEY
from tests.integration.control_center.nearest_help_cases import NEAREST_HELP
from tests.integration.control_center.planning_cases import PLANNING
from tests.integration.control_center.pool_cases import POOL
from tests.integration.control_center.reach_cases import REACH
from tests.integration.control_center.route_cases import Case
from tests.integration.control_center.service_level_cases import SERVICE_LEVEL
from tests.integration.control_center.source_cases import SOURCES
from tests.integration.control_center.unrecorded_cases import UNRECORDED
from tests.integration.control_center.visit_cases import VISITS
from tests.integration.control_center.visit_promise_cases import VISIT_PROMISES

CASES: Final[dict[tuple[str, str], Case]] = {
    **route_cases.CASES,
    **LIFECYCLE,
    **CALLS,
    **NEAREST_HELP,
    **ASSIGNING,
    **UNRECORDED,
    **REACH,
    **PLANNING,
    **POOL,
    **SERVICE_LEVEL,
    **SOURCES,
    **MONEY,
    **VISITS,
    **VISIT_PROMISES,
}
