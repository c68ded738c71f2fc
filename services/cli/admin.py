"""`izin admin add`: the first account, written to the database by its owner."""

import secrets
from typing import Annotated

import typer

from services.cli import ledger_calls
from services.cli.ledger import with_ledger
from services.cli.ledger_calls import FirstUser
from services.cli.output import AsJson, show, with_examples
from services.cli.settings import UpSettings, read_settings

PASSWORD_BYTES = 18

admin = typer.Typer(help="Administrators of the registry.", no_args_is_help=True)


@admin.callback()
def group() -> None:
    """Keep `add` a command of its own group."""


@admin.command(
    "add",
    help=with_examples(
        "Create an administrator, or give one a new password; prints it, once.",
        "izin admin add registrar",
        "izin admin add registrar --json",
    ),
)
def add_admin(
    username: Annotated[str, typer.Argument(help="Name to sign in with.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    user = FirstUser(username, secrets.token_urlsafe(PASSWORD_BYTES), "admin")
    with_ledger(read_settings(UpSettings), lambda dsn: ledger_calls.bootstrap(dsn, [user]))
    show({"username": user.username, "password": user.password}, as_json=as_json)
