"""`izin networks`: from where an account may act."""

from typing import Annotated
from urllib.parse import quote

import typer
from pydantic import JsonValue as Json

from services.cli.output import AsJson, show, with_examples
from services.cli.session import AsWho, Who, open_client

networks = typer.Typer(help="From which networks an account may act.", no_args_is_help=True)

Username = Annotated[str, typer.Argument(help="The account's user name.")]


@networks.command(
    "show",
    help=with_examples(
        "Show from where an account may act; an empty list means from anywhere.",
        "izin networks show api@firma.example",
    ),
)
def show_networks(username: Username, *, who: AsWho = Who.ADMIN, as_json: AsJson = False) -> None:
    """Run the command."""
    with open_client(who) as client:
        show(client.get(_path(username)).body, as_json=as_json)


@networks.command(
    "set",
    help=with_examples(
        "Let an account act from these networks alone, in place of what was set before.",
        "izin networks set api@firma.example 203.0.113.0/24 2001:db8::/48",
    ),
)
def set_networks(
    username: Username,
    allowed: Annotated[list[str], typer.Argument(metavar="NETWORK…", help="CIDR, or an address.")],
    *,
    who: AsWho = Who.ADMIN,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    _replace(username, list(allowed), who=who, as_json=as_json)


@networks.command(
    "clear",
    help=with_examples(
        "Let an account act from anywhere again.", "izin networks clear api@firma.example"
    ),
)
def clear_networks(username: Username, *, who: AsWho = Who.ADMIN, as_json: AsJson = False) -> None:
    """Run the command."""
    _replace(username, [], who=who, as_json=as_json)


def _replace(username: str, allowed: list[Json], *, who: Who, as_json: bool) -> None:
    with open_client(who) as client:
        show(client.put(_path(username), {"networks": allowed}).body, as_json=as_json)


def _path(username: str) -> str:
    return f"/accounts/users/{quote(username, safe='')}/networks"
