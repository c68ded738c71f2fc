"""What every operation of the account API asks for: its use cases, its pages."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final, TypeVar, cast

from fastapi import Query, Request, Response

from services.registry.administration.area import Administration
from services.registry.administration.schemas_lists import Page

Row = TypeVar("Row")
Item = TypeVar("Item")

PAGE_MAX: Final = 100
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Entries on a page.")]
AfterCode = Annotated[
    int, Query(ge=0, lt=2**31, description="`next` of the page before; left out: from the start.")
]
AfterText = Annotated[
    str,
    Query(
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="`next` of the page before; left out: from the start.",
    ),
]


def administration(request: Request) -> Administration:
    """Return the use cases that this process has."""
    return cast("Administration", request.state.administration)


async def nothing(work: Awaitable[None]) -> Response:
    """Do the work and answer without content."""
    await work
    return Response(status_code=204)


def page_of(
    rows: Sequence[Row],
    show: Callable[[Row], Item],
    *,
    limit: int,
    cursor: Callable[[Row], int | str],
) -> Page[Item]:
    """Show a page; `rows` holds one more than the limit where something follows."""
    shown = rows[:limit]
    follows = len(rows) > limit
    return Page[Item](
        items=[show(row) for row in shown], next=cursor(shown[-1]) if follows else None
    )
