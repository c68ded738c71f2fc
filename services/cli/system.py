"""`izin system`: what the registry writes itself, and the codes that operators send under. For staff."""

from enum import Enum
from typing import Annotated

import typer
from pydantic import JsonValue as Json

from services.cli.check import RecipientType, Type, address_from
from services.cli.output import AsJson, show, with_examples
from services.cli.session import AsWho, Who, open_client

system = typer.Typer(help="Decisions of citizens, and operators' codes.", no_args_is_help=True)


class Status(Enum):
    """What the citizen decided."""

    ONAY = "ONAY"
    RET = "RET"


class Source(Enum):
    """By which of the registry's ways."""

    IYS_WEB = "IYS_WEB"
    IYS_WEB_YENI = "IYS_WEB_YENI"
    IYS_MOBIL = "IYS_MOBIL"
    IYS_CM = "IYS_CM"
    IYS_KISAMESAJ = "IYS_KISAMESAJ"
    IYS_EPOSTA = "IYS_EPOSTA"
    IYS_FRAME_EPOSTA = "IYS_FRAME_EPOSTA"
    IYS_FRAME_SMS = "IYS_FRAME_SMS"


@system.command(
    "record",
    help=with_examples(
        "Record a citizen's decision at a brand, dated now; it is audited under your account.",
        "izin system record +905990000001 --brand 650001 --type MESAJ --status RET --source IYS_CM",
        "echo kisi@ornek.example | izin system record - --brand 650001 --type EPOSTA --status RET "
        "--source IYS_WEB --reference VAKA-7 --json",
    ),
)
def record(  # noqa: PLR0913  # one option per member of the body
    recipient: Annotated[str, typer.Argument(help="The address; - reads it from standard input.")],
    brand: Annotated[int, typer.Option("--brand", help="Brand code.")],
    channel: Annotated[Type, typer.Option("--type", help="Channel.")],
    status: Annotated[Status, typer.Option(help="What was decided.")],
    source: Annotated[Source, typer.Option(help="Where it was decided.")],
    recipient_type: Annotated[
        RecipientType | None, typer.Option(help="BIREYSEL if left out.")
    ] = None,
    *,
    citizen_name: Annotated[
        str | None, typer.Option(help="With IYS_WEB_YENI: shown to the brand for seven days.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Why, for the audit: a case number, no address.")
    ] = None,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    body: dict[str, Json | None] = {
        "brandCode": brand,
        "recipient": address_from(recipient),
        "type": channel.value,
        "recipientType": recipient_type.value if recipient_type else None,
        "status": status.value,
        "source": source.value,
        "citizenName": citizen_name,
        "reference": reference,
    }
    given = {name: value for name, value in body.items() if value is not None}
    with open_client(who) as client:
        show(client.post("/system/consents", given).body, as_json=as_json)


@system.command(
    "sender-code",
    help=with_examples(
        "Assign the code that ends every bulk SMS of an operator; without one, take it away.",
        "izin system sender-code 700001 B123",
        "izin system sender-code 700001",
    ),
)
def sender_code(
    operator_code: Annotated[int, typer.Argument(help="The operator's code.")],
    code: Annotated[str | None, typer.Argument(help="B and three digits.")] = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who) as client:
        answer = client.put(
            f"/accounts/operators/{operator_code}/sender-code", {"senderCode": code}
        )
    show(answer.body, as_json=as_json)
