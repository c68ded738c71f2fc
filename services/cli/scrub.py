"""`izin scrub` parts a list in two: the rows that a message may go to, and the rest with the reason."""

import asyncio
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from services.cli.check import RecipientType, Type
from services.cli.errors import CliError
from services.cli.output import AsJson
from services.cli.scrubbing.exchange import Server
from services.cli.scrubbing.report import Bar, report
from services.cli.scrubbing.results import Paths, State, only_run, read_state
from services.cli.scrubbing.run import IncompleteError, Job, scrub
from services.cli.session import AsWho, Who, open_client
from services.cli.settings import ClientSettings, read_settings

INCOMPLETE = 4
NOT_ALL_VERIFIED = 5
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STDIN = "-"


def scrub_list(  # noqa: PLR0913  # one option per member of the question
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV or text; - reads standard input.")
    ],
    channel: Annotated[Type, typer.Option("--type", help="Channel.")],
    *,
    brand: Annotated[int | None, typer.Option(help="Brand code.")] = None,
    header: Annotated[str | None, typer.Option(help="SMS header, for MESAJ.")] = None,
    recipient_type: Annotated[
        RecipientType | None, typer.Option(help="BIREYSEL if left out.")
    ] = None,
    message_class: Annotated[
        str | None, typer.Option(help="COMMERCIAL if left out, or an exempt class.")
    ] = None,
    retailer: Annotated[int | None, typer.Option(help="Retailer that sends.")] = None,
    column: Annotated[
        str | None, typer.Option(help="Column of the addresses: its name, or its number from 1.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="What the results' names begin with; FILE's own if left out."),
    ] = None,
    names: Annotated[
        bool | None, typer.Option("--names/--no-names", help="The first row names the columns.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run stopped.")] = False,
    who: AsWho = Who.OPERATOR,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    if brand is None and header is None:
        raise CliError("say who sends: --brand, --header or both")
    question = {
        "type": channel.value,
        "brandCode": None if brand is None else str(brand),
        "header": header,
        "recipientType": None if recipient_type is None else recipient_type.value,
        "messageClass": message_class,
        "retailerCode": None if retailer is None else str(retailer),
    }
    asked = {name: value for name, value in question.items() if value is not None}
    paths = Paths(output or Path("stdin" if source == STDIN else source).with_suffix(""))
    with _opened(source) as file, only_run(paths):
        earlier = _earlier(paths, resume=resume)
        job = Job(
            name="standard input" if source == STDIN else source,
            file=file,
            paths=paths,
            server=_server(who),
            question=asked,
            column=column,
            has_names=names,
        )
        _run(job, earlier, as_json=as_json)


def _run(job: Job, earlier: State | None, *, as_json: bool) -> None:
    try:
        with Bar() as bar:
            state = asyncio.run(_until_stopped(job, earlier, bar))
    except IncompleteError as error:
        report(error.state, job.paths, is_complete=False, as_json=as_json)
        done = f"{error.state.turn_rows:,} rows" + (" asked again" if error.state.turn else "")
        _say(f"not complete: {error}; {done} are done, the same command with --resume goes on")
        raise typer.Exit(INCOMPLETE) from None
    report(state, job.paths, is_complete=True, as_json=as_json)
    if unverified := state.counts.get("UNVERIFIED", 0):
        _say(
            f"{unverified:,} rows could not be verified, and are denied: ask about them again later"
        )
        raise typer.Exit(NOT_ALL_VERIFIED)


async def _until_stopped(job: Job, earlier: State | None, bar: Bar) -> State:
    """Scrub; a signal to stop ends it where it can be continued."""
    work = asyncio.ensure_future(scrub(job, earlier=earlier, spectator=bar))
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        return await work
    except asyncio.CancelledError:
        raise CliError("stopped before anything was asked") from None


def _earlier(paths: Paths, *, resume: bool) -> State | None:
    if not resume:
        if paths.state.exists():
            _say("there is a run that was not complete; this one begins anew")
        return None
    earlier = read_state(paths)
    if earlier is None:
        raise CliError(f"there is nothing to go on with: no {paths.state}; leave --resume out")
    return earlier


def _server(who: Who) -> Server:
    """Sign in, before anything is written."""
    with open_client(who) as client:
        timeout_s = read_settings(ClientSettings).timeout_s
        return Server(client.base_url, client.authorization, timeout_s)


@contextmanager
def _opened(source: str) -> Generator[BinaryIO]:
    try:
        if source == STDIN:
            file: BinaryIO = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
        else:
            file = Path(source).open("rb", buffering=0)  # noqa: SIM115  # closed right below
    except OSError as error:
        raise CliError(f"{source} cannot be read ({error.strerror})") from None
    with file:
        yield file


def _say(text: str) -> None:
    print(f"izin: {text}", file=sys.stderr)
