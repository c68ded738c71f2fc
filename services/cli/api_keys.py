"""`izin key`: long-lived keys of operators, providers and partners."""

from typing import Annotated

import typer
from pydantic import JsonValue as Json

from services.cli.account_lists import quoted, show_page
from services.cli.output import AsJson, show, with_examples
from services.cli.session import AsWho, Who, open_client

key = typer.Typer(
    help="Long-lived keys: several a user, replaced one after the other.", no_args_is_help=True
)

Username = Annotated[str, typer.Argument(help="Name of the user that the keys belong to.")]
KeyId = Annotated[int, typer.Argument(help="Number of the key, as `izin key list` shows it.")]
Label = Annotated[str, typer.Option(help="What the key is called.")]
Expires = Annotated[
    str | None,
    typer.Option("--expires", help="When it ends: 2030-12-31T23:59:59+03:00. Left out: never."),
]
COLUMNS = ("keyId", "prefix", "label", "createdAt", "expiresAt", "revokedAt", "lastUsedOn")


@key.command(
    "list",
    help=with_examples("List a user's keys.", "izin key list operator-1@izin.example"),
)
def list_keys(username: Username, *, who: AsWho = Who.ADMIN, as_json: AsJson = False) -> None:
    """Run the command."""
    with open_client(who) as client:
        show_page(client.get(_keys(username)), COLUMNS, as_json=as_json)


@key.command(
    "add",
    help=with_examples(
        "Make one more key; prints it, once.",
        "izin key add operator-1@izin.example --label yedek",
        "izin key add operator-1@izin.example --expires 2030-12-31T23:59:59+03:00 --json",
    ),
)
def add_key(
    username: Username,
    label: Label = "",
    expires: Expires = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    with open_client(who) as client:
        show(client.post(_keys(username), _body(label, expires)).body, as_json=as_json)


@key.command(
    "rotate",
    help=with_examples(
        "Put a new key in place of one, which stays good for some hours; prints the new one, once.",
        "izin key rotate operator-1@izin.example 17",
        "izin key rotate operator-1@izin.example 17 --grace-hours 0",
    ),
)
def rotate_key(  # noqa: PLR0913  # one option per member
    username: Username,
    key_id: KeyId,
    grace_hours: Annotated[
        int, typer.Option(min=0, max=2160, help="Hours that the old key stays good.")
    ] = 24,
    label: Label = "",
    expires: Expires = None,
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    body = {**_body(label, expires), "graceHours": grace_hours}
    with open_client(who) as client:
        show(client.post(f"{_keys(username)}/{key_id}/rotation", body).body, as_json=as_json)


@key.command(
    "revoke",
    help=with_examples(
        "End a key at once, everywhere.", "izin key revoke operator-1@izin.example 17"
    ),
)
def revoke_key(
    username: Username, key_id: KeyId, *, who: AsWho = Who.ADMIN, as_json: AsJson = False
) -> None:
    """Run the command."""
    with open_client(who) as client:
        client.delete(f"{_keys(username)}/{key_id}")
    show({"username": username, "keyId": key_id, "good": False}, as_json=as_json)


def _keys(username: str) -> str:
    return f"/accounts/users/{quoted(username)}/keys"


def _body(label: str, expires: str | None) -> dict[str, Json]:
    return {"label": label} if expires is None else {"label": label, "expiresAt": expires}
