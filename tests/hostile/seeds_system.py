"""Requests of the registry's own area that succeed: decisions of citizens, closed lines, headers, codes."""

from typing import Any
from uuid import UUID

from tests.registry.doors import Town, new_phone

Seed = tuple[str, dict[str, Any], Any]
REPORT = UUID("00000000-0000-4000-8000-000000000010")
# A report of the world's operator, of one number that is none.
MADE = """
    WITH report AS (
        INSERT INTO line_closure_report (report_id, operator_code, user_id, received_at, closed_at, size)
        VALUES ($1, $2, $3, now(), now(), 1) ON CONFLICT DO NOTHING RETURNING report_id)
    INSERT INTO line_closure (report_id, number_index, problem, due_at, done_at, consents_closed, brands)
    SELECT report_id, 0, 'INVALID_RECIPIENT', now(), now(), 0, 0 FROM report
"""


async def prepare(town: Town) -> None:
    """Make what the seeds ask about."""
    await town.owner.execute(MADE, REPORT, town.world.operator_code, town.world.operator.user_id)


def seeds(town: Town) -> dict[str, Seed]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    world = town.world
    decision = {
        "brandCode": world.brand_code,
        "recipient": new_phone(),
        "type": "MESAJ",
        "status": "ONAY",
        "source": "IYS_WEB_YENI",
        "citizenName": "Deneme Kişi",
        "reference": "VAKA-1",
    }
    operator = {"code": world.operator_code}
    return {
        "POST /system/consents": ("admin", {}, decision),
        "POST /operators/line-closures": ("operator", {}, {"recipients": [new_phone(), "x"]}),
        "GET /operators/line-closures/{report_id}": ("operator", {"report_id": str(REPORT)}, None),
        "GET /operators/headers/{header}": ("operator", {"header": world.header}, None),
        "PUT /accounts/operators/{code}/sender-code": ("admin", operator, {"senderCode": "B001"}),
    }
