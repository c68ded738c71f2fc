"""`izin … list` and `izin … show`: what is registered, and who changed it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, cast
from urllib.parse import quote, urlencode

import typer
from pydantic import JsonValue as Json

from services.cli.accounts import brand, header, operator, partner, provider
from services.cli.client import Answer
from services.cli.output import AsJson, show, show_rows, with_examples
from services.cli.session import AsWho, Who, open_client

user = typer.Typer(help="Users: who signs in.", no_args_is_help=True)
event = typer.Typer(help="Who changed which account when.", no_args_is_help=True)

After = Annotated[str | None, typer.Option(help="What the page before said: `more: --after …`.")]
Limit = Annotated[int, typer.Option(min=1, max=100, help="Entries on a page.")]
PROVIDER_COLUMNS = ("iysCode", "title", "taxNumber", "mersis", "brands", "state")
BRAND_COLUMNS = ("brandCode", "name", "master", "headers", "state")
HEADER_COLUMNS = ("header", "operators", "proof", "proofReference", "application")
GRANT_COLUMNS = ("integratorCode", "title", "ARAMA", "MESAJ", "EPOSTA", "reconciliation", "via")
OPERATOR_COLUMNS = ("operatorCode", "title", "brands", "senderCode", "state")
PARTNER_COLUMNS = ("integratorCode", "title", "licenceValidUntil", "state")
USER_COLUMNS = ("username", "role", "iysCode", "integratorCode", "operatorCode", "state")
EVENT_COLUMNS = ("happenedAt", "actor", "action", "kind", "name", "facts")


def show_page(answer: Answer, columns: Sequence[str], *, as_json: bool) -> None:
    """Print a page that the account API answered with."""
    items = cast("list[Mapping[str, Json]]", answer.body.get("items", []))
    show_rows(items, columns, following=answer.body.get("next"), as_json=as_json)


def with_query(path: str, **query: Json) -> str:
    """Return the path with the parts of the query that were given."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _list(
    path: str, columns: Sequence[str], query: Mapping[str, Json], *, who: Who, as_json: bool
) -> None:
    with open_client(who) as client:
        show_page(client.get(with_query(path, **query)), columns, as_json=as_json)


def _show(path: str, *, who: Who, as_json: bool) -> None:
    with open_client(who) as client:
        show(client.get(path).body, as_json=as_json)


@provider.command(
    "list",
    help=with_examples("List the providers.", "izin provider list", "izin provider list --json"),
)
def list_providers(
    after: After = None, limit: Limit = 50, *, who: AsWho = Who.ADMIN, as_json: AsJson = False
) -> None:
    """Run the command."""
    query: dict[str, Json] = {"after": after, "limit": limit}
    _list("/accounts/providers", PROVIDER_COLUMNS, query, who=who, as_json=as_json)


@provider.command("show", help=with_examples("Show a provider.", "izin provider show 650001"))
def show_provider(
    iys_code: Annotated[int, typer.Argument(help="The provider's iysCode.")],
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    _show(f"/accounts/providers/{iys_code}", who=who, as_json=as_json)


@brand.command(
    "list",
    help=with_examples(
        "List a provider's brands.",
        "izin brand list 650001",
        "izin brand list 650001 --as provider",
    ),
)
def list_brands(
    iys_code: Annotated[int, typer.Argument(help="The provider's iysCode.")],
    after: After = None,
    limit: Limit = 50,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    path = f"/accounts/providers/{iys_code}/brands"
    _list(path, BRAND_COLUMNS, {"after": after, "limit": limit}, who=who, as_json=as_json)


@header.command(
    "list",
    help=with_examples(
        "List a brand's SMS headers, and how its firm showed that they are its own.",
        "izin header list 650002",
    ),
)
def list_headers(
    brand_code: Annotated[int, typer.Argument(help="Brand code.")],
    after: After = None,
    limit: Limit = 50,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    path = f"/accounts/brands/{brand_code}/headers"
    _list(path, HEADER_COLUMNS, {"after": after, "limit": limit}, who=who, as_json=as_json)


@partner.command(
    "grants",
    help=with_examples("List what a brand grants to partners.", "izin partner grants 650001"),
)
def list_grants(
    brand_code: Annotated[int, typer.Argument(help="Brand code.")],
    after: After = None,
    limit: Limit = 50,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    path = f"/accounts/brands/{brand_code}/grants"
    _list(path, GRANT_COLUMNS, {"after": after, "limit": limit}, who=who, as_json=as_json)


@operator.command("list", help=with_examples("List the operators.", "izin operator list"))
def list_operators(
    after: After = None, limit: Limit = 50, *, who: AsWho = Who.ADMIN, as_json: AsJson = False
) -> None:
    """Run the command."""
    query: dict[str, Json] = {"after": after, "limit": limit}
    _list("/accounts/operators", OPERATOR_COLUMNS, query, who=who, as_json=as_json)


@operator.command("show", help=with_examples("Show an operator.", "izin operator show 700001"))
def show_operator(
    code: Annotated[int, typer.Argument(help="The operator's code.")],
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    _show(f"/accounts/operators/{code}", who=who, as_json=as_json)


@partner.command("list", help=with_examples("List the partners.", "izin partner list"))
def list_partners(
    after: After = None, limit: Limit = 50, *, who: AsWho = Who.ADMIN, as_json: AsJson = False
) -> None:
    """Run the command."""
    query: dict[str, Json] = {"after": after, "limit": limit}
    _list("/accounts/partners", PARTNER_COLUMNS, query, who=who, as_json=as_json)


@partner.command("show", help=with_examples("Show a partner.", "izin partner show 800001"))
def show_partner(
    code: Annotated[int, typer.Argument(help="The partner's code.")],
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    _show(f"/accounts/partners/{code}", who=who, as_json=as_json)


@user.command(
    "list",
    help=with_examples(
        "List who signs in; a provider sees its own.",
        "izin user list --role admin",
        "izin user list --provider 650001",
    ),
)
def list_users(
    role: Annotated[str | None, typer.Option(help="Only users of this role.")] = None,
    iys_code: Annotated[
        int | None, typer.Option("--provider", help="Only this provider's.")
    ] = None,
    after: After = None,
    limit: Limit = 50,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    query: dict[str, Json] = {"role": role, "iysCode": iys_code, "after": after, "limit": limit}
    _list("/accounts/users", USER_COLUMNS, query, who=who, as_json=as_json)


@event.command(
    "list",
    help=with_examples(
        "List changes, the newest first; a provider sees what concerns it.",
        "izin event list",
        "izin event list --kind header --name ORNEK",
    ),
)
def list_events(  # noqa: PLR0913  # three filters, and a page
    kind: Annotated[str | None, typer.Option(help="Kind of account: brand, header, key, …")] = None,
    name: Annotated[str | None, typer.Option(help="Its number or name.")] = None,
    iys_code: Annotated[
        int | None, typer.Option("--provider", help="Only this provider's.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="What the page before said.")] = None,
    limit: Limit = 50,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    query: dict[str, Json] = {
        "kind": kind,
        "name": name,
        "iysCode": iys_code,
        "before": after,
        "limit": limit,
    }
    _list("/accounts/events", EVENT_COLUMNS, query, who=who, as_json=as_json)


def quoted(name: str) -> str:
    """Return a name as a part of a path."""
    return quote(name, safe="")
