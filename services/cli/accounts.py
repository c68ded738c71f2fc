"""`izin provider|brand|header|operator|partner`: who is registered."""

from datetime import datetime
from enum import Enum
from typing import Annotated
from urllib.parse import quote

import typer
from pydantic import JsonValue as Json

from services.cli.output import AsJson, show, with_examples
from services.cli.session import AsWho, Who, open_client

provider = typer.Typer(help="Service providers.", no_args_is_help=True)
brand = typer.Typer(help="Brands of a provider.", no_args_is_help=True)
header = typer.Typer(help="SMS headers of a brand.", no_args_is_help=True)
operator = typer.Typer(help="Operators, who check before they send.", no_args_is_help=True)
partner = typer.Typer(help="Partners, and what they may do for a brand.", no_args_is_help=True)


class Access(Enum):
    """What a partner may do with a channel."""

    READ = "read"
    WRITE = "write"


Brand = Annotated[int, typer.Option("--brand", help="Brand code.")]
Right = Annotated[Access | None, typer.Option(help="Right on this channel; none if left out.")]


@provider.command(
    "add",
    help=with_examples(
        "Register a service provider; prints its code and its API account, once.",
        'izin provider add "Deneme Ticaret A.Ş." --tax-number 9990000001',
        'izin provider add "Deneme Banka" --tax-number 9990000002 --iys-code 650001 --json',
    ),
)
def add_provider(  # noqa: PLR0913  # one option per member
    title: Annotated[str, typer.Argument(help="Title of the company.")],
    tax_number: Annotated[str, typer.Option(help="Tax number.")],
    exemption_basis: Annotated[
        str | None, typer.Option(help="Legal basis, for a sender that needs no consent.")
    ] = None,
    iys_code: Annotated[int | None, typer.Option(help="Code to use; drawn if left out.")] = None,
    mersis: Annotated[str | None, typer.Option(help="MERSIS number.")] = None,
    master_brand_name: Annotated[
        str | None, typer.Option(help="Name of the master brand; the title if left out.")
    ] = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    body = _given(
        title=title,
        taxNumber=tax_number,
        exemptionBasis=exemption_basis,
        iysCode=iys_code,
        mersis=mersis,
        masterBrandName=master_brand_name,
    )
    with open_client(who) as client:
        show(client.post("/accounts/providers", body).body, as_json=as_json)


@brand.command(
    "add",
    help=with_examples(
        "Add a brand to a provider.",
        'izin brand add 650001 "Örnek Kargo"',
        'izin brand add 650001 "Örnek Kargo" --brand-code 650002 --as provider',
    ),
)
def add_brand(
    iys_code: Annotated[int, typer.Argument(help="The provider's iysCode.")],
    name: Annotated[str, typer.Argument(help="Name of the brand.")],
    brand_code: Annotated[int | None, typer.Option(help="Code to use; drawn if left out.")] = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    body = _given(name=name, brandCode=brand_code)
    with open_client(who) as client:
        show(client.post(f"/accounts/providers/{iys_code}/brands", body).body, as_json=as_json)


@header.command(
    "add",
    help=with_examples(
        "Bind an SMS header to a brand, at all operators or at those named.",
        "izin header add ORNEK --brand 650002",
        "izin header add ORNEK --brand 650002 --operator 700001 --operator 700002",
    ),
)
def add_header(
    header_name: Annotated[str, typer.Argument(metavar="HEADER", help="The header (başlık).")],
    brand_code: Brand,
    operator_codes: Annotated[
        list[int] | None, typer.Option("--operator", help="Operator code; may be repeated.")
    ] = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    codes: list[Json] = list(operator_codes or [])
    body: dict[str, Json] = {"operators": codes} if codes else {}
    with open_client(who) as client:
        answer = client.put(_header_path(brand_code, header_name), body)
        show(answer.body, as_json=as_json)


@header.command(
    "remove",
    help=with_examples(
        "Take an SMS header away from a brand.", "izin header remove ORNEK --brand 650002"
    ),
)
def remove_header(
    header_name: Annotated[str, typer.Argument(metavar="HEADER", help="The header (başlık).")],
    brand_code: Brand,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who) as client:
        client.delete(_header_path(brand_code, header_name))
    show({"header": header_name, "brandCode": brand_code, "bound": False}, as_json=as_json)


@operator.command(
    "add",
    help=with_examples(
        "Register an operator; prints its account and its long-lived key, once.",
        'izin operator add "Deneme Operatör"',
        'izin operator add "Deneme Operatör" --json',
    ),
)
def add_operator(
    title: Annotated[str, typer.Argument(help="Title of the operator.")],
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who) as client:
        show(client.post("/accounts/operators", {"title": title}).body, as_json=as_json)


@partner.command(
    "add",
    help=with_examples(
        "Register a partner; prints its code and its account, once.",
        'izin partner add "Deneme Entegratör"',
        'izin partner add "Deneme Entegratör" --licence-valid-until 2030-12-31 --json',
    ),
)
def add_partner(
    title: Annotated[str, typer.Argument(help="Title of the partner.")],
    licence_valid_until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day of the partner's licence."),
    ] = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    until = licence_valid_until.date().isoformat() if licence_valid_until else None
    body = _given(title=title, licenceValidUntil=until)
    with open_client(who) as client:
        show(client.post("/accounts/partners", body).body, as_json=as_json)


@partner.command(
    "grant",
    help=with_examples(
        "Say what a partner may do for a brand; replaces what was granted before.",
        "izin partner grant 800001 --brand 650001 --mesaj write --eposta read",
        "izin partner grant 800001 --brand 650001 --arama write --reconciliation --via",
    ),
)
def grant(  # noqa: PLR0913  # one option per right
    integrator_code: Annotated[int, typer.Argument(help="The partner's code.")],
    brand_code: Brand,
    arama: Right = None,
    mesaj: Right = None,
    eposta: Right = None,
    *,
    reconciliation: Annotated[
        bool, typer.Option("--reconciliation", help="May reconcile (mutabakat).")
    ] = False,
    via: Annotated[
        bool, typer.Option("--via", help="May act through the provider's own account.")
    ] = False,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    channels = {"ARAMA": arama, "MESAJ": mesaj, "EPOSTA": eposta}
    body: dict[str, Json] = {
        channel: access.value for channel, access in channels.items() if access is not None
    }
    body |= {"reconciliation": reconciliation, "via": via}
    with open_client(who) as client:
        answer = client.put(_grant_path(brand_code, integrator_code), body)
    facts = {"brandCode": brand_code, "integratorCode": integrator_code, **body, **answer.body}
    show(facts, as_json=as_json)


@partner.command(
    "revoke",
    help=with_examples(
        "Take all rights on a brand away from a partner; holds from the next request on.",
        "izin partner revoke 800001 --brand 650001",
    ),
)
def revoke(
    integrator_code: Annotated[int, typer.Argument(help="The partner's code.")],
    brand_code: Brand,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who) as client:
        client.delete(_grant_path(brand_code, integrator_code))
    facts = {"brandCode": brand_code, "integratorCode": integrator_code, "granted": False}
    show(facts, as_json=as_json)


def _given(**fields: Json) -> dict[str, Json]:
    """Return the members that were given a value."""
    return {name: value for name, value in fields.items() if value is not None}


def _header_path(brand_code: int, header_name: str) -> str:
    return f"/accounts/brands/{brand_code}/headers/{quote(header_name, safe='')}"


def _grant_path(brand_code: int, integrator_code: int) -> str:
    return f"/accounts/brands/{brand_code}/grants/{integrator_code}"
