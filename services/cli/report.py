"""`izin report`: what changed at a brand on one day, counted."""

from datetime import datetime
from typing import Annotated, Final

import typer
from pydantic import BaseModel, ValidationError

from services.cli.errors import CliError
from services.cli.output import AsJson, show
from services.cli.session import AsWho, Who, open_client

YESTERDAY: Final = "yesterday"


class Row(BaseModel):
    """Movements of one channel, recipient type and kind of source."""

    type: str = "TOTAL"
    recipientType: str = ""  # noqa: N815  # the wire's name
    source: str = ""
    approvals: int
    refusals: int
    blocks: int
    total: int


class Report(BaseModel):
    """The server's answer."""

    brandCode: int  # noqa: N815  # the wire's name
    date: str
    complete: bool
    rows: list[Row]
    totals: Row


def report(
    brand: Annotated[int, typer.Option("--brand", help="Brand code.")],
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="Day in Turkey; yesterday if left out."),
    ] = None,
    *,
    who: AsWho = Who.PROVIDER,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    named = YESTERDAY if day is None else day.date().isoformat()
    with open_client(who) as client:
        body = client.get(f"/accounts/brands/{brand}/reports/{named}").body
    if as_json:
        show(body, as_json=True)
        return
    try:
        _print(Report.model_validate(body))
    except ValidationError:
        raise CliError("the server's answer is no report; is it an izin of this version?") from None


def _print(said: Report) -> None:
    """Print a table; rows of which there was nothing are left out."""
    end = "" if said.complete else ", which is not over"
    print(f"Brand {said.brandCode} on {said.date}{end}")
    print(_line("type", "recipient", "source", *("approvals", "refusals", "blocks", "total")))
    for row in (*(row for row in said.rows if row.total), said.totals):
        numbers = (row.approvals, row.refusals, row.blocks, row.total)
        print(_line(row.type, row.recipientType, row.source, *map(str, numbers)))


def _line(*cells: str) -> str:
    names, numbers = cells[:3], cells[3:]
    return " ".join([*(f"{name:<9}" for name in names), *(f"{number:>10}" for number in numbers)])
