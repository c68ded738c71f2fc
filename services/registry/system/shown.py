"""What the use cases of this area found out, in the shapes of its surfaces."""

from typing import cast
from uuid import UUID

from services.registry.system.look_up_header import HeaderStanding
from services.registry.system.report_closures import TakenReport
from services.registry.system.schemas import (
    ClosuresAnswer,
    ClosuresTaken,
    HeaderStandingAnswer,
    LeftOut,
    NumberAnswer,
    NumberState,
    ReasonWord,
)
from shared.ledger.line_closures import NumberResult, ReportRow


def closures_taken(taken: TakenReport) -> ClosuresTaken:
    """Show a report that was just stored."""
    return ClosuresTaken(
        reportId=str(taken.report_id),
        receivedAt=taken.received_at,
        closedAt=taken.closed_at,
        accepted=taken.accepted,
        leftOut=[
            LeftOut.model_validate({"index": n, "problem": problem})
            for n, problem in taken.problems.items()
        ],
    )


def closures_answer(report_id: UUID, report: ReportRow) -> ClosuresAnswer:
    """Show how far a report is."""
    results = [_number(one) for one in report.numbers]
    pending = sum(one.state == "PENDING" for one in results)
    return ClosuresAnswer(
        reportId=str(report_id),
        state="PENDING" if pending else "DONE",
        receivedAt=report.received_at,
        closedAt=report.closed_at,
        numbers=len(results),
        pending=pending,
        consentsClosed=sum(one.consentsClosed or 0 for one in results),
        results=results,
    )


def _number(one: NumberResult) -> NumberAnswer:
    if one.problem is not None:
        return NumberAnswer(index=one.number_index, state=cast("NumberState", one.problem))
    return NumberAnswer(
        index=one.number_index,
        state="PENDING" if one.consents_closed is None else "DONE",
        consentsClosed=one.consents_closed,
        brands=one.brands,
    )


def header_answer(standing: HeaderStanding) -> HeaderStandingAnswer:
    """Show a header as one operator sees it."""
    card, obstacle = standing.card, standing.obstacle
    return HeaderStandingAnswer(
        header=card.header,
        brandCode=card.brand_code,
        brandName=card.brand_name,
        iysCode=card.iys_code,
        providerTitle=card.provider_title,
        usable=obstacle is None,
        reason=None if obstacle is None else cast("ReasonWord", obstacle.value),
        senderCode=standing.sender_code,
    )
