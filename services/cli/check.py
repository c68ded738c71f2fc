"""`izin check` asks whether a message may go out."""

import sys
from enum import Enum
from typing import Annotated

import typer
from pydantic import JsonValue as Json

from services.cli.errors import CliError
from services.cli.output import AsJson, show
from services.cli.session import AsWho, Who, open_client

NOT_ALLOWED = 3


class Type(Enum):
    """The channel, as on the wire."""

    ARAMA = "ARAMA"
    MESAJ = "MESAJ"
    EPOSTA = "EPOSTA"


class RecipientType(Enum):
    """Whom the address belongs to."""

    BIREYSEL = "BIREYSEL"
    TACIR = "TACIR"


def check(  # noqa: PLR0913  # one option per member of the question
    recipient: Annotated[str, typer.Argument(help="The address; - reads it from standard input.")],
    channel: Annotated[Type, typer.Option("--type", help="Channel.")],
    brand: Annotated[int | None, typer.Option(help="Brand code.")] = None,
    header: Annotated[str | None, typer.Option(help="SMS header, for MESAJ.")] = None,
    recipient_type: Annotated[
        RecipientType | None, typer.Option(help="BIREYSEL if left out.")
    ] = None,
    message_class: Annotated[
        str | None, typer.Option(help="COMMERCIAL if left out, or an exempt class.")
    ] = None,
    *,
    retailer: Annotated[int | None, typer.Option(help="Retailer that sends.")] = None,
    who: AsWho = Who.OPERATOR,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    if brand is None and header is None:
        raise CliError("say who sends: --brand, --header or both")
    question: dict[str, Json | None] = {
        "brandCode": brand,
        "header": header,
        "type": channel.value,
        "recipient": address_from(recipient),
        "recipientType": recipient_type.value if recipient_type else None,
        "messageClass": message_class,
        "retailerCode": retailer,
    }
    with open_client(who) as client:
        answer = client.post("/check", {k: v for k, v in question.items() if v is not None})
    show(answer.body, as_json=as_json)
    if not answer.truth("allowed"):
        raise typer.Exit(NOT_ALLOWED)


def address_from(argument: str) -> str:
    """Return the address; by way of standard input it stays out of the shell's history."""
    address = sys.stdin.readline().strip() if argument == "-" else argument.strip()
    if not address:
        raise CliError("no address given; pass it as the argument, or - and one line on stdin")
    return address
