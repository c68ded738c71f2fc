"""`izin application`: asking staff for an account, a brand or a header; and what staff does about it."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue as Json

from services.cli.account_lists import Limit, show_page, with_query
from services.cli.client import Client
from services.cli.errors import CliError
from services.cli.output import AsJson, show, with_examples
from services.cli.session import AsWho, Who, open_client

application = typer.Typer(
    help="Applications: for an account, a brand or a header.", no_args_is_help=True
)


class Proof(Enum):
    """How a firm shows that a header is its own."""

    TRADE_NAME = "trade-name"
    TRADEMARK = "trademark"
    DOMAIN = "domain"


class State(Enum):
    """What has become of an application."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


Reference = Annotated[str, typer.Argument(help="Reference number of the application.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        help="File with the application's secret, - for standard input; for applicants.",
    ),
]
COLUMNS = ("reference", "kind", "state", "title", "iysCode", "createdAt", "reason")


@application.command(
    "add",
    help=with_examples(
        "Apply to become a provider, without an account; prints reference and secret, once.",
        'izin application add "Deneme A.Ş." --tax-number 1234567890 --mersis 0123456789000015'
        ' --brand Deneme --contact "Deneme Kişi" --email yetkili@deneme.example',
    ),
)
def add(  # noqa: PLR0913  # one option per member
    title: Annotated[str, typer.Argument(help="Title of the firm.")],
    *,
    tax_number: Annotated[str, typer.Option(help="VKN, or TCKN of a tradesman.")],
    contact: Annotated[str, typer.Option(help="Whom staff may ask.")],
    email: Annotated[str, typer.Option(help="E-mail address of the contact.")],
    brands: Annotated[
        list[str], typer.Option("--brand", help="A brand; the first becomes the master brand.")
    ],
    phone: Annotated[str | None, typer.Option(help="Telephone number of the contact.")] = None,
    mersis: Annotated[str | None, typer.Option(help="MERSIS number, of a company.")] = None,
    exemption_basis: Annotated[
        str | None, typer.Option(help="Legal basis of a sender that needs no consent.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    asked: dict[str, Json] = {"mersis": mersis, "exemptionBasis": exemption_basis}
    person: dict[str, Json] = {"name": contact, "email": email}
    body: dict[str, Json] = {
        "title": title,
        "taxNumber": tax_number,
        **{name: value for name, value in asked.items() if value is not None},
        "contact": person if phone is None else {**person, "phone": phone},
        "brands": [{"name": name} for name in brands],
    }
    with open_client(None) as client:
        show(client.post("/accounts/applications", body).body, as_json=as_json)


@application.command(
    "brand",
    help=with_examples(
        "Apply for a brand, as its provider.",
        'izin application brand 650001 "Örnek Kargo" --trademark "2026 00001"',
    ),
)
def for_brand(
    iys_code: Annotated[int, typer.Argument(help="The provider's iysCode.")],
    name: Annotated[str, typer.Argument(help="Name of the brand.")],
    trademark: Annotated[str | None, typer.Option(help="Number of its registration.")] = None,
    *,
    who: AsWho = Who.PROVIDER,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    body: dict[str, Json] = {"name": name}
    if trademark is not None:
        body["trademark"] = trademark
    with open_client(who) as client:
        path = f"/accounts/providers/{iys_code}/brand-applications"
        show(client.post(path, body).body, as_json=as_json)


@application.command(
    "header",
    help=with_examples(
        "Apply for an SMS header with the proof that it is the firm's own, as its provider.",
        "izin application header ORNEK --brand 650002 --proof trade-name",
        "izin application header ORNEK --brand 650002 --proof domain --proof-reference ornek.example",
    ),
)
def for_header(  # noqa: PLR0913  # one option per member
    header_name: Annotated[str, typer.Argument(metavar="HEADER", help="The header (başlık).")],
    brand_code: Annotated[int, typer.Option("--brand", help="Brand code.")],
    proof: Annotated[Proof, typer.Option(help="Why it is the firm's own.")],
    proof_reference: Annotated[
        str | None, typer.Option(help="Number of the trademark, or the domain.")
    ] = None,
    operator_codes: Annotated[
        list[int] | None, typer.Option("--operator", help="Operator code; may be repeated.")
    ] = None,
    *,
    who: AsWho = Who.PROVIDER,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    body: dict[str, Json] = {"header": header_name, "proof": proof.name}
    if proof_reference is not None:
        body["proofReference"] = proof_reference
    if operator_codes:
        body["operators"] = list[Json](operator_codes)
    with open_client(who) as client:
        path = f"/accounts/brands/{brand_code}/header-applications"
        show(client.post(path, body).body, as_json=as_json)


@application.command(
    "document",
    help=with_examples(
        "Put a paper (PDF, PNG, JPEG) beside an application.",
        "izin application document B7K2M9QXDH marka.pdf --secret-file secret.txt",
        "izin application document B7K2M9QXDH marka.pdf --number 2 --as provider",
    ),
)
def put_document(
    reference: Reference,
    file: Annotated[Path, typer.Argument(help="The file.")],
    number: Annotated[int, typer.Option(min=1, max=10, help="The brand's place, from 1.")] = 1,
    secret_file: SecretFile = None,
    *,
    who: AsWho = Who.PROVIDER,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    content = _content(file)
    with _looking_after(secret_file, who) as client:
        answer = client.put_file(f"{_path(reference)}/documents/{number}", content)
    show({"reference": reference, **answer.body}, as_json=as_json)


@application.command(
    "fetch",
    help=with_examples(
        "Save a paper of an application to a file.",
        "izin application fetch B7K2M9QXDH marka.pdf --number 1",
    ),
)
def fetch_document(
    reference: Reference,
    file: Annotated[Path, typer.Argument(help="Where to save it; must not exist.")],
    number: Annotated[int, typer.Option(min=1, max=10, help="Its number.")] = 1,
    secret_file: SecretFile = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with _looking_after(secret_file, who) as client:
        content = client.get_file(f"{_path(reference)}/documents/{number}")
    try:
        with file.open("xb") as saved:
            saved.write(content)
    except OSError as error:
        raise CliError(f"{file} cannot be written ({error.strerror}); give another path") from None
    show({"reference": reference, "file": str(file), "bytes": len(content)}, as_json=as_json)


@application.command(
    "list",
    help=with_examples(
        "List applications, the oldest first; a provider sees its own.",
        "izin application list --state open",
        "izin application list --as provider --json",
    ),
)
def list_all(
    state: Annotated[State | None, typer.Option(help="Only in this state.")] = None,
    after: Annotated[int | None, typer.Option(help="What the page before said.")] = None,
    limit: Limit = 50,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    word = None if state is None else state.name
    path = with_query("/accounts/applications", state=word, after=after, limit=limit)
    with open_client(who) as client:
        show_page(client.get(path), COLUMNS, as_json=as_json)


@application.command(
    "show",
    help=with_examples(
        "Show an application, and what has become of it.",
        "izin application show B7K2M9QXDH",
        "izin application show B7K2M9QXDH --secret-file secret.txt",
    ),
)
def show_one(
    reference: Reference,
    secret_file: SecretFile = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with _looking_after(secret_file, who) as client:
        show(client.get(_path(reference)).body, as_json=as_json)


@application.command(
    "approve",
    help=with_examples(
        "Approve an application: what was asked for is there from now on.",
        "izin application approve B7K2M9QXDH",
        "izin application approve B7K2M9QXDH --iys-code 650009",
    ),
)
def approve(
    reference: Reference,
    iys_code: Annotated[
        int | None, typer.Option(help="A new provider's number; drawn if left out.")
    ] = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    body: dict[str, Json] = {} if iys_code is None else {"iysCode": iys_code}
    with open_client(who) as client:
        show(client.post(f"{_path(reference)}/approval", body).body, as_json=as_json)


@application.command(
    "reject",
    help=with_examples(
        "Reject an application, and say why.",
        'izin application reject B7K2M9QXDH --reason "Marka tescil belgesi eksik."',
    ),
)
def reject(
    reference: Reference,
    reason: Annotated[str, typer.Option(help="What whoever asked will read.")],
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who) as client:
        client.post(f"{_path(reference)}/rejection", {"reason": reason})
    show({"reference": reference, "state": "REJECTED", "reason": reason}, as_json=as_json)


@application.command(
    "account",
    help=with_examples(
        "Collect the account of an approved provider; prints its password, once.",
        "izin application account B7K2M9QXDH --secret-file secret.txt",
    ),
)
def collect(
    reference: Reference,
    secret_file: SecretFile = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with _looking_after(secret_file, who) as client:
        show(client.post(f"{_path(reference)}/account", {}).body, as_json=as_json)


@application.command(
    "withdraw",
    help=with_examples(
        "Take an application back; its papers are forgotten.",
        "izin application withdraw B7K2M9QXDH --secret-file secret.txt",
    ),
)
def withdraw(
    reference: Reference,
    secret_file: SecretFile = None,
    *,
    who: AsWho = Who.PROVIDER,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with _looking_after(secret_file, who) as client:
        client.delete(_path(reference))
    show({"reference": reference, "state": "WITHDRAWN"}, as_json=as_json)


@contextmanager
def _looking_after(secret_file: Path | None, who: Who) -> Generator[Client]:
    """Ask with the application's secret where it is given, else as somebody who signs in."""
    if secret_file is None:
        with open_client(who) as client:
            yield client
        return
    secret = _content(secret_file).decode(errors="replace").strip()
    with open_client(None) as client:
        client.present(secret)
        yield client


def _content(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise CliError(f"{file} cannot be read ({error.strerror}); give another path") from None


def _path(reference: str) -> str:
    if not (reference.isascii() and reference.isalnum()):
        raise CliError("a reference number is a B and nine letters or digits")
    return f"/accounts/applications/{reference}"
