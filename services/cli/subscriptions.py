"""`izin subscription`: who may use the wire, and how many addresses may be on record."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import typer
from pydantic import JsonValue as Json

from services.cli.output import AsJson, show, with_examples
from services.cli.session import AsWho, Who, open_client

subscription = typer.Typer(
    help="Subscriptions of providers and partners (staff).", no_args_is_help=True
)


class Kind(Enum):
    """Who has subscribed."""

    PROVIDER = "provider"
    PARTNER = "partner"


class State(Enum):
    """The states of the wire."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    EXPIRED = "EXPIRED"
    CLOSED = "CLOSED"


Subscriber = Annotated[Kind, typer.Argument(help="Which kind of account.")]
Code = Annotated[int, typer.Argument(help="Its iysCode or integratorCode.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day in Turkey.")]
# What is sent back of what was shown: the rest is not ours to say.
_OURS = (
    *("package", "withApi", "state", "startDate", "expirationDate"),
    *("consentLimit", "mayExceed"),
)


@subscription.command(
    "show",
    help=with_examples(
        "Show a subscription, and how many addresses are on record.",
        "izin subscription show provider 650001",
        "izin subscription show partner 800001 --json",
    ),
)
def show_one(
    kind: Subscriber, code: Code, *, who: AsWho = Who.ADMIN, as_json: AsJson = False
) -> None:
    """Run the command."""
    with open_client(who) as client:
        show(client.get(_path(kind, code)).body, as_json=as_json)


@subscription.command(
    "set",
    help=with_examples(
        "Change a subscription; what is left out stays. Holds from the next request on.",
        "izin subscription set provider 650001 --state PAUSED",
        'izin subscription set provider 650001 --package "İleti-5" --limit 5000',
        "izin subscription set provider 650001 --no-limit --expiration-date 2030-12-31",
        "izin subscription set partner 800001 --without-api",
    ),
)
def set_one(  # noqa: PLR0913  # one option per member
    kind: Subscriber,
    code: Code,
    *,
    state: Annotated[State | None, typer.Option(help="State of the subscription.")] = None,
    package: Annotated[str | None, typer.Option(help="Name of the package.")] = None,
    with_api: Annotated[
        bool | None, typer.Option("--with-api/--without-api", help="May use the API.")
    ] = None,
    start_date: Day = None,
    expiration_date: Day = None,
    limit: Annotated[
        int | None, typer.Option(help="Addresses that may be on record (providers).")
    ] = None,
    no_limit: Annotated[
        bool, typer.Option("--no-limit", help="What the installation allows.")
    ] = False,
    may_exceed: Annotated[
        bool | None, typer.Option("--may-exceed/--must-not-exceed", help="Only show the limit.")
    ] = None,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    if no_limit and limit is not None:
        raise typer.BadParameter("--limit and --no-limit exclude each other")
    changes: dict[str, Json] = {
        "state": None if state is None else state.value,
        "package": package,
        "withApi": with_api,
        "startDate": _written(start_date),
        "expirationDate": _written(expiration_date),
        "consentLimit": limit,
        "mayExceed": may_exceed,
    }
    with open_client(who) as client:
        known = client.get(_path(kind, code)).body
        body = {name: known[name] for name in _OURS}
        body |= {name: value for name, value in changes.items() if value is not None}
        if no_limit:
            body["consentLimit"] = None
        show(client.put(_path(kind, code), body).body, as_json=as_json)


@subscription.command(
    "add",
    help=with_examples(
        "Give an account a subscription that has none: active, with the API, without an end.",
        "izin subscription add provider 650001",
        'izin subscription add partner 800001 --package "İO - API"',
    ),
)
def add_one(
    kind: Subscriber,
    code: Code,
    *,
    package: Annotated[str, typer.Option(help="Name of the package.")] = "izin",
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who) as client:
        show(client.put(_path(kind, code), {"package": package}).body, as_json=as_json)


@subscription.command(
    "remove",
    help=with_examples(
        "Take a subscription away: the wire answers H524, but for refusals.",
        "izin subscription remove provider 650001",
    ),
)
def remove_one(
    kind: Subscriber, code: Code, *, who: AsWho = Who.ADMIN, as_json: AsJson = False
) -> None:
    """Run the command."""
    with open_client(who) as client:
        client.delete(_path(kind, code))
    show({"kind": kind.value, "code": code, "subscribed": False}, as_json=as_json)


def _path(kind: Kind, code: int) -> str:
    return f"/accounts/{kind.value}s/{code}/subscription"


def _written(day: datetime | None) -> str | None:
    return None if day is None else day.date().isoformat()
