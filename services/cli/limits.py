"""`izin limits`: which limits hold, and what is left of them."""

from typing import Annotated, cast

import typer
from pydantic import JsonValue as Json

from services.cli.output import AsJson, show
from services.cli.session import AsWho, Who, open_client


def show_limits(
    *,
    account: Annotated[
        bool,
        typer.Option(
            "--account",
            help="Sign in and show what is left to the account, too; that counts as one token.",
        ),
    ] = False,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who if account else None) as client:
        body = client.get("/limits").body
    if as_json:
        show(body, as_json=True)
        return
    facts: dict[str, object] = {"profile": body.get("profile")}
    facts |= {str(row["name"]): _limit(row) for row in _rows(body, "limits")}
    facts |= {str(row["name"]): row["max"] for row in _rows(body, "sizes")}
    show(facts, as_json=False)


def _rows(body: dict[str, Json], name: str) -> list[dict[str, Json]]:
    return cast("list[dict[str, Json]]", body.get(name) or [])


def _limit(row: dict[str, Json]) -> str:
    said = f"{row['quota']} in {row['windowSeconds']} s, counted by {row['per']}"
    return f"{said}: {row['remaining']} left" if "remaining" in row else said
