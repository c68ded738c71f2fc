"""`izin … suspend`, `restore`, `rename` and what else changes about accounts that exist."""

from datetime import datetime
from typing import Annotated, Final

import typer
from pydantic import JsonValue as Json

from services.cli.account_lists import quoted, user
from services.cli.accounts import brand, operator, partner, provider
from services.cli.output import AsJson, show, with_examples
from services.cli.session import AsWho, Who, open_client

GROUPS: Final = {"provider": provider, "brand": brand, "operator": operator, "partner": partner}


def _add_states(kind: str, group: typer.Typer) -> None:
    """Give a group its two commands about suspension."""

    def set_state(code: int, state: str, *, who: Who, as_json: bool) -> None:
        with open_client(who) as client:
            client.put(f"/accounts/{kind}s/{code}/state", {"state": state})
        show({"kind": kind, "code": code, "state": state}, as_json=as_json)

    @group.command(
        "suspend",
        help=with_examples(
            f"Suspend this {kind}: the next request of it is refused.",
            f"izin {kind} suspend 650001",
        ),
    )
    def suspend(
        code: Annotated[int, typer.Argument(help="Its code.")],
        *,
        who: AsWho = Who.ADMIN,
        as_json: AsJson = False,
    ) -> None:
        """Run the command."""
        set_state(code, "SUSPENDED", who=who, as_json=as_json)

    @group.command(
        "restore",
        help=with_examples(f"Let this {kind} in again.", f"izin {kind} restore 650001"),
    )
    def restore(
        code: Annotated[int, typer.Argument(help="Its code.")],
        *,
        who: AsWho = Who.ADMIN,
        as_json: AsJson = False,
    ) -> None:
        """Run the command."""
        set_state(code, "ACTIVE", who=who, as_json=as_json)


for _kind, _group in GROUPS.items():
    _add_states(_kind, _group)


@provider.command(
    "change",
    help=with_examples(
        "Change what is registered about a provider; what is left out stays.",
        'izin provider change 650001 --title "Deneme Ticaret A.Ş."',
        "izin provider change 650001 --exemption-basis none",
    ),
)
def change_provider(  # noqa: PLR0913  # one option per member
    iys_code: Annotated[int, typer.Argument(help="The provider's iysCode.")],
    title: Annotated[str | None, typer.Option(help="Title of the company.")] = None,
    tax_number: Annotated[str | None, typer.Option(help="Tax number.")] = None,
    mersis: Annotated[str | None, typer.Option(help="MERSIS number.")] = None,
    exemption_basis: Annotated[
        str | None, typer.Option(help="Legal basis of a sender that needs no consent; or none.")
    ] = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    given: dict[str, Json] = {"title": title, "taxNumber": tax_number, "mersis": mersis}
    body: dict[str, Json] = {name: value for name, value in given.items() if value is not None}
    if exemption_basis is not None:
        body["exemptionBasis"] = None if exemption_basis == "none" else exemption_basis
    with open_client(who) as client:
        show(client.put(f"/accounts/providers/{iys_code}", body).body, as_json=as_json)


@brand.command(
    "rename",
    help=with_examples("Give a brand another name.", 'izin brand rename 650002 "Örnek Kargo"'),
)
def rename_brand(
    brand_code: Annotated[int, typer.Argument(help="Brand code.")],
    name: Annotated[str, typer.Argument(help="Its name from now on.")],
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who) as client:
        answer = client.put(f"/accounts/brands/{brand_code}/name", {"name": name})
    show({"brandCode": brand_code, "name": name, **answer.body}, as_json=as_json)


@operator.command(
    "change",
    help=with_examples(
        "Change an operator's title, or for which brands it may ask.",
        'izin operator change 700001 --title "Deneme Operatör"',
        "izin operator change 700001 --brand 650001 --brand 650002",
        "izin operator change 700001 --every-brand",
    ),
)
def change_operator(
    code: Annotated[int, typer.Argument(help="The operator's code.")],
    title: Annotated[str | None, typer.Option(help="Title of the operator.")] = None,
    brands: Annotated[
        list[int] | None, typer.Option("--brand", help="The whole list; may be repeated.")
    ] = None,
    *,
    every_brand: Annotated[
        bool, typer.Option("--every-brand", help="It may ask for every active brand.")
    ] = False,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    if every_brand and brands:
        raise typer.BadParameter("--brand and --every-brand exclude each other")
    body: dict[str, Json] = {} if title is None else {"title": title}
    if every_brand:
        body["brands"] = None
    elif brands:
        body["brands"] = list[Json](brands)
    with open_client(who) as client:
        show(client.put(f"/accounts/operators/{code}", body).body, as_json=as_json)


@partner.command(
    "rename",
    help=with_examples(
        "Give a partner another title.", 'izin partner rename 800001 "Deneme Ortak"'
    ),
)
def rename_partner(
    code: Annotated[int, typer.Argument(help="The partner's code.")],
    title: Annotated[str, typer.Argument(help="Its title from now on.")],
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who) as client:
        client.put(f"/accounts/partners/{code}", {"title": title})
    show({"integratorCode": code, "title": title}, as_json=as_json)


@partner.command(
    "licence",
    help=with_examples(
        "Set the last day of a partner's licence; its access ends with it.",
        "izin partner licence 800001 2030-12-31",
        "izin partner licence 800001",
    ),
)
def set_licence(
    code: Annotated[int, typer.Argument(help="The partner's code.")],
    valid_until: Annotated[
        datetime | None,
        typer.Argument(formats=["%Y-%m-%d"], help="The last day; left out: no end."),
    ] = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    until = valid_until.date().isoformat() if valid_until else None
    with open_client(who) as client:
        client.put(f"/accounts/partners/{code}/licence", {"licenceValidUntil": until})
    show({"integratorCode": code, "licenceValidUntil": until}, as_json=as_json)


Username = Annotated[str, typer.Argument(help="Name that the user signs in with.")]


@user.command(
    "add",
    help=with_examples(
        "Add a user of the staff or the ministry; prints its password, once.",
        "izin user add denetim --role ministry",
    ),
)
def add_user(
    username: Username,
    role: Annotated[str, typer.Option(help="admin or ministry.")],
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who) as client:
        answer = client.post("/accounts/users", {"username": username, "role": role})
    show(answer.body, as_json=as_json)


@user.command(
    "password",
    help=with_examples(
        "Give a user a new password; prints it, once. The old one and all tokens end.",
        "izin user password api@firma.example",
    ),
)
def renew_password(username: Username, *, who: AsWho = Who.ADMIN, as_json: AsJson = False) -> None:
    """Run the command."""
    with open_client(who) as client:
        show(client.post(f"/accounts/users/{quoted(username)}/password", {}).body, as_json=as_json)


@user.command(
    "suspend",
    help=with_examples("Suspend a user, at once.", "izin user suspend api@firma.example"),
)
def suspend_user(username: Username, *, who: AsWho = Who.ADMIN, as_json: AsJson = False) -> None:
    """Run the command."""
    _set_user_state(username, "SUSPENDED", who=who, as_json=as_json)


@user.command(
    "restore",
    help=with_examples("Let a suspended user in again.", "izin user restore api@firma.example"),
)
def restore_user(username: Username, *, who: AsWho = Who.ADMIN, as_json: AsJson = False) -> None:
    """Run the command."""
    _set_user_state(username, "ACTIVE", who=who, as_json=as_json)


def _set_user_state(username: str, state: str, *, who: Who, as_json: bool) -> None:
    with open_client(who) as client:
        client.put(f"/accounts/users/{quoted(username)}/state", {"state": state})
    show({"username": username, "state": state}, as_json=as_json)
