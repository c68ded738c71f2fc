"""Which server a command talks to, and as whom: the environment, or else the demo world's file."""

from enum import Enum
from typing import Annotated

import typer

from services.cli.client import Account, Client
from services.cli.demo import DemoWorld, read_demo
from services.cli.errors import CliError
from services.cli.settings import ClientSettings, read_settings


class Who(Enum):
    """An account of demo.json."""

    ADMIN = "admin"
    PROVIDER = "provider"
    PARTNER = "partner"
    OPERATOR = "operator"
    MINISTRY = "ministry"


AsWho = Annotated[
    Who,
    typer.Option("--as", help="Account of demo.json to use when IZIN_USERNAME is not set."),
]


def open_client(who: Who | None) -> Client:
    """Return a client for the server and account that are configured; None: without an account."""
    settings = read_settings(ClientSettings)
    demo_file = settings.data_dir / "demo.json"
    try:
        world = read_demo(demo_file)
    except (FileNotFoundError, NotADirectoryError):
        world = None
    except OSError as error:
        raise CliError(
            f"{demo_file} cannot be read ({error.strerror}); "
            "set IZIN_URL, IZIN_USERNAME and IZIN_PASSWORD"
        ) from None
    url = settings.url or (world.base_url if world else None)
    account = None if who is None else _account(settings, world, who)
    if url is None or (account is None and who is not None):
        raise CliError(
            f"no server or account to use: set IZIN_URL, IZIN_USERNAME and IZIN_PASSWORD, or run "
            f"`izin up --demo` (there is no {demo_file})"
        )
    return Client(url, account, timeout_s=settings.timeout_s)


def _account(settings: ClientSettings, world: DemoWorld | None, who: Who) -> Account | None:
    if settings.username is None and settings.password is None:
        # an account of the demo world means nothing to another server
        elsewhere = settings.url is not None and (world is None or settings.url != world.base_url)
        return None if world is None or elsewhere else world.account(who.value)
    if settings.username is None or settings.password is None:
        raise CliError("IZIN_USERNAME and IZIN_PASSWORD belong together: set both or neither")
    return Account(settings.username, settings.password.get_secret_value())
