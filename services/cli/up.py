"""`izin up`: everything of the embedded default in the foreground, all of it stopped at the end."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Annotated

import typer

from services.cli import ledger_calls
from services.cli.children import base_url, our_children
from services.cli.demo import DemoWorld, example_request, make_demo, read_demo
from services.cli.embedded.data_dir import DataDir, open_data_dir
from services.cli.embedded.servers import Servers, check_port_is_free, prepare_servers
from services.cli.embedded.supervisor import Supervisor, say
from services.cli.key_file import provide_keys
from services.cli.settings import UpSettings, read_settings

SAME_SIGNAL_S = 0.5
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of `izin up`: what it was told, and what it prepared."""

    settings: UpSettings
    data_dir: DataDir
    servers: Servers
    demo: bool


def up(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Make a demo world on the first start.")
    ] = False,
) -> None:
    """Run the command."""
    run_up(read_settings(UpSettings), demo=demo)


def run_up(settings: UpSettings, *, demo: bool) -> None:
    """Serve until told to stop. CliError when something cannot start or cannot be kept running."""
    # the data directory first: a second `up` must hear "already running", not "port taken"
    with open_data_dir(settings.data_dir, disk_free_mb_min=settings.disk_free_mb_min) as data_dir:
        check_port_is_free(settings.host, settings.port)
        provide_keys(settings, data_dir)
        run = Run(settings, data_dir, prepare_servers(settings, data_dir), demo)
        asyncio.run(_run(run))


async def _run(run: Run) -> None:
    async with Supervisor() as supervisor:
        serving = asyncio.create_task(_serve(run, supervisor))
        with _Signals(serving, supervisor.hasten):
            try:
                await serving
            except asyncio.CancelledError:
                say("stopping")
            finally:
                await supervisor.stop()
    say("stopped")


async def _serve(run: Run, supervisor: Supervisor) -> None:
    for spec in run.servers.children:
        await supervisor.start(spec)
    await asyncio.to_thread(ledger_calls.migrate, run.servers.postgres_dsn)
    demo = run.demo or run.data_dir.demo_file.exists()
    for spec in our_children(run.settings, run.data_dir, run.servers, demo=demo):
        await supervisor.start(spec)
    world = await asyncio.to_thread(_demo_world, run)
    _announce(run, world)
    await supervisor.wait()


def _demo_world(run: Run) -> DemoWorld | None:
    """Return the demo world that is there, or make it if asked to."""
    path = run.data_dir.demo_file
    try:
        return read_demo(path)
    except FileNotFoundError:
        if not run.demo:
            return None
    return make_demo(base_url(run.settings), run.servers.postgres_dsn, path)


def _announce(run: Run, world: DemoWorld | None) -> None:
    url = base_url(run.settings)
    lines = [f"izin is ready at {url}", f"  documentation  {url}/docs"]
    if world is not None:
        lines += [
            f"  accounts       {run.data_dir.demo_file}",
            "",
            "Ask it something:",
            "",
            f"  {example_request(world)}",
        ]
    lines += ["", "Ctrl-C stops it."]
    with suppress(OSError):  # whoever read our output may have left
        print("\n".join(lines), flush=True)


class _Signals:
    """The first stop signal ends the serving task, a later Ctrl-C hastens the stopping.

    Only a Ctrl-C, and not at once: `make` passes on a SIGTERM that our process group got already.
    """

    def __init__(self, serving: asyncio.Task[None], hasten: Callable[[], None]) -> None:
        self._serving = serving
        self._hasten = hasten
        self._asked_at: float | None = None
        # a signal that our starter had us ignore (nohup) stays ignored
        self._numbers = [n for n in STOP_SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]

    def __enter__(self) -> None:
        for number in self._numbers:
            asyncio.get_running_loop().add_signal_handler(number, self._stop, number)

    def __exit__(self, *_unused: object) -> None:
        for number in self._numbers:
            asyncio.get_running_loop().remove_signal_handler(number)

    def _stop(self, number: signal.Signals) -> None:
        if self._asked_at is None:
            self._asked_at = monotonic()
            self._serving.cancel()
        elif number == signal.SIGINT and monotonic() - self._asked_at > SAME_SIGNAL_S:
            self._hasten()
