"""`izin cache status`, `izin cache rebuild`: what the cache holds of each brand, and building it anew."""

import sys
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from services.cli import cache_calls
from services.cli.embedded.data_dir import DataDir, holder
from services.cli.embedded.postgres import is_serving, postgres_dsn
from services.cli.embedded.valkey import valkey_url
from services.cli.errors import CliError
from services.cli.output import AsJson, show, with_examples
from services.cli.settings import UpSettings, read_settings

SHOWN_MAX = 20
Outcome = TypeVar("Outcome")

cache = typer.Typer(help="The cache of the check.", no_args_is_help=True)


@cache.command(
    "status",
    help=with_examples(
        "Compare what the cache reflects with the ledger, brand by brand.",
        "izin cache status",
        "izin cache status --json",
    ),
)
def status(*, as_json: AsJson = False) -> None:
    """Run the command."""
    states = _with_both(cache_calls.status)
    facts: dict[str, object] = {"brands": len(states)}
    for name in ("fresh", "behind", "missing"):
        facts[name] = sum(state.state == name for state in states)
    facts["building"] = sum(state.built is not None for state in states)
    if as_json:
        show({**facts, "list": [state.as_json() for state in states]}, as_json=True)
        return
    show(facts, as_json=False)
    remarkable = [state for state in states if state.state != "fresh" or state.built is not None]
    for state in remarkable[:SHOWN_MAX]:
        print(f"  {state}")
    if len(remarkable) > SHOWN_MAX:
        print(f"  and {len(remarkable) - SHOWN_MAX} more; --json shows all")


@cache.command(
    "rebuild",
    help=with_examples(
        "Forget what the cache holds of brands and build it from the ledger, which answers meanwhile.",
        "izin cache rebuild 600001 600002",
        "izin cache rebuild --all --json",
    ),
)
def rebuild(
    brands: Annotated[list[int] | None, typer.Argument(metavar="BRAND")] = None,
    *,
    every_brand: Annotated[bool, typer.Option("--all", help="All brands.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    if bool(brands) == every_brand:
        raise typer.BadParameter("name the brands, or say --all")
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} consents"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    with progress:
        task = progress.add_task("building", total=None)

        def moved(brand_code: int, done: float, total: float) -> None:
            progress.update(task, description=str(brand_code), completed=done, total=total)

        count = _with_both(lambda dsn, url: cache_calls.rebuild(dsn, url, brands or None, moved))
    show({"rebuilt": count}, as_json=as_json)


def _with_both(call: Callable[[str, str], Outcome]) -> Outcome:
    """Call with the owner's DSN and the cache's URL: those of the settings, or of the running `izin up`."""
    settings = read_settings(UpSettings)
    dsn, url = settings.postgres_dsn, settings.redis_url
    running = DataDir(settings.data_dir.absolute())
    if dsn is None or url is None:
        if not settings.data_dir.exists() or holder(running.path) is None:
            raise CliError(
                f"no `izin up` is running on {settings.data_dir}; start it, or set IZIN_DATA_DIR, "
                "or IZIN_POSTGRES_DSN and IZIN_REDIS_URL"
            )
        if dsn is None and not is_serving(running):
            raise CliError(
                f"izin is just starting or stopping on {running.path}; try again in a moment"
            )
    return call(
        postgres_dsn(running) if dsn is None else dsn.get_secret_value(),
        valkey_url(running) if url is None else url.get_secret_value(),
    )
