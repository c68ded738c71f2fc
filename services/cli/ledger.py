"""`izin migrate`, `izin ledger verify`, `izin rekey`, `izin keys new`: commands of the owner."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from services.cli import ledger_calls
from services.cli.embedded.data_dir import DataDir, holder, open_data_dir
from services.cli.embedded.postgres import is_serving, postgres_dsn
from services.cli.embedded.servers import prepare_postgres
from services.cli.embedded.supervisor import Supervisor
from services.cli.errors import CliError
from services.cli.key_file import keys_file, provide_keys
from services.cli.output import AsJson, show, with_examples
from services.cli.settings import UpSettings, read_settings

Outcome = TypeVar("Outcome")

ledger = typer.Typer(help="The ledger itself.", no_args_is_help=True)
keys = typer.Typer(help="Digest and sealing keys.", no_args_is_help=True)


def migrate(*, as_json: AsJson = False) -> None:
    """Run the command."""
    applied = with_ledger(read_settings(UpSettings), ledger_calls.migrate)
    if as_json:
        show({"applied": applied}, as_json=True)
        return
    print("\n".join(f"applied {name}" for name in applied) or "nothing to do")


@ledger.command(
    "verify",
    help=with_examples(
        "Recompute the consents from the movements and compare; exits 1 when they differ.",
        "izin ledger verify",
        "izin ledger verify --json",
    ),
)
def verify(*, as_json: AsJson = False) -> None:
    """Run the command."""
    finding = with_ledger(read_settings(UpSettings), ledger_calls.verify)
    show({"intact": finding.intact, **finding.facts}, as_json=as_json)
    if not finding.intact:
        raise CliError("the ledger is not intact; stop writing and restore from a backup")


def rekey(*, as_json: AsJson = False) -> None:
    """Run the command."""
    settings = read_settings(UpSettings)
    path = keys_file(settings, DataDir(settings.data_dir.absolute()))
    if not path.exists():
        raise CliError(f"there is no key file {path}; set IZIN_KEYS_FILE or IZIN_DATA_DIR")
    count = with_ledger(settings, lambda dsn: ledger_calls.rekey(dsn, path))
    show({"rekeyed": count}, as_json=as_json)


@keys.command(
    "new",
    help=with_examples(
        "Write a new key file. Back it up: without it the ledger cannot be read.",
        "izin keys new",
        "izin keys new /etc/izin/keys.json",
    ),
)
def new_keys(
    path: Annotated[
        Path | None, typer.Argument(help="Where; <data dir>/keys.json if left out.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    settings = read_settings(UpSettings)
    if path is None:
        path = keys_file(settings, DataDir(settings.data_dir.absolute()))
    ledger_calls.create_keys(path)
    show({"keys_file": str(path.absolute())}, as_json=as_json)


def with_ledger(settings: UpSettings, call: Callable[[str], Outcome]) -> Outcome:
    """Call with the owner's DSN; an embedded server that is not running is started for the call."""
    if settings.postgres_dsn is not None:
        return call(settings.postgres_dsn.get_secret_value())
    if not settings.data_dir.exists():
        raise CliError(
            f"there is no data directory {settings.data_dir}; run `izin up` first, "
            "or set IZIN_DATA_DIR or IZIN_POSTGRES_DSN"
        )
    running = DataDir(settings.data_dir.absolute())
    if holder(running.path) is None:
        return _with_own_server(settings, call)
    if not is_serving(running):
        raise CliError(
            f"izin is just starting or stopping on {running.path}; try again in a moment"
        )
    return call(postgres_dsn(running))


def _with_own_server(settings: UpSettings, call: Callable[[str], Outcome]) -> Outcome:
    with open_data_dir(settings.data_dir, disk_free_mb_min=settings.disk_free_mb_min) as data_dir:
        provide_keys(settings, data_dir)
        spec = prepare_postgres(settings, data_dir)

        async def run() -> Outcome:
            async with Supervisor() as supervisor:
                await supervisor.start(spec)
                return await asyncio.to_thread(call, postgres_dsn(data_dir))

        return asyncio.run(run())
