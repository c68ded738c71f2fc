"""A whole scrub, from the input to the results: turns, and where an earlier run is continued."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from services.cli.errors import CliError
from services.cli.scrubbing.exchange import BrokenOffError, Server
from services.cli.scrubbing.results import (
    ALLOWED,
    DENIED,
    UNVERIFIED,
    InputMark,
    Paths,
    Results,
    State,
    begin_turn,
    finish,
    open_results,
    remove_old,
)
from services.cli.scrubbing.rows import RowSplitter
from services.cli.scrubbing.sniff import BYTE_ORDER_MARK, SAMPLE_BYTES, sniff
from services.cli.scrubbing.source import READ_BYTES, RowFeed, Source
from services.cli.scrubbing.turn import Turn, Watch

# Rows that could not be verified are asked again so long after the turn before.
ASKED_AGAIN_AFTER_S: Final = (1.0, 3.0, 9.0)
TURN_LAST: Final = len(ASKED_AGAIN_AFTER_S)


class Spectator(Watch, Protocol):
    """Somebody who looks at the whole."""

    def turn(self, number: int, *, bytes_total: int | None) -> None:
        """Take note that a turn begins; the size of a pipe is not known."""
        ...


class IncompleteError(Exception):
    """The list is not answered to its end; what was answered is kept, and can be continued."""

    def __init__(self, why: str, state: State) -> None:
        super().__init__(why)
        self.state = state


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done. `name` is the input's, for messages; `file` is it, unbuffered."""

    name: str
    file: BinaryIO
    paths: Paths
    server: Server
    question: dict[str, str]
    column: str | None = None
    has_names: bool | None = None

    @property
    def mark(self) -> InputMark | None:
        """What the input looks like now; a pipe has no mark."""
        return InputMark.of(self.file) if self.file.seekable() else None


async def scrub(job: Job, *, earlier: State | None, spectator: Spectator) -> State:
    """Answer the whole input and give the results their names.

    `earlier` is where another run of the same job stopped. Raises CliError, and IncompleteError when
    the answers ended too soon or somebody stopped us; both leave what can be continued.
    """
    source = Source(job.file)
    state = await _begin(job, source) if earlier is None else _continued(job, earlier)
    try:
        await _turns(job, state, source, spectator)
    except BrokenOffError as error:
        raise IncompleteError(str(error), state) from None
    except asyncio.CancelledError:
        raise IncompleteError("it was stopped", state) from None
    except OSError as error:
        raise CliError(f"the results cannot be written ({error.strerror})") from None
    finish(job.paths, state)
    return state


async def _begin(job: Job, source: Source) -> State:
    """Look at the beginning of the input, make room, and return where a new run stands."""
    sample = await source.read_exactly(SAMPLE_BYTES)
    source.give_back(sample)
    content = sample.removeprefix(BYTE_ORDER_MARK)
    if len(sample) == SAMPLE_BYTES and b"\n" in content:
        content = content[: content.rindex(b"\n") + 1]
    is_email = job.question["type"] == "EPOSTA"
    try:
        layout = sniff(content, is_email=is_email, column=job.column, has_names=job.has_names)
    except CliError as error:
        raise CliError(f"{job.name}: {error}") from None
    remove_old(job.paths)
    return State(server=job.server.base_url, question=job.question, layout=layout, mark=job.mark)


def _continued(job: Job, earlier: State) -> State:
    """Return where the earlier run stopped, if it asked the same about the same."""
    if earlier.mark != job.mark:
        raise CliError(f"{job.name} has changed since that run; start without --resume")
    then, now = earlier.question | {"server": earlier.server}, dict(job.question)
    now["server"] = job.server.base_url
    other = sorted(name for name in then | now if then.get(name) != now.get(name))
    if other:
        raise CliError(
            f"that run was begun with another {other[0]} ({then.get(other[0], 'none')}); "
            "say the same again, or start without --resume"
        )
    return earlier


async def _turns(job: Job, state: State, source: Source, spectator: Spectator) -> None:
    while not state.is_answered:
        with open_results(job.paths, state) as results, _turns_source(job, state, source) as opened:
            size = None if state.turn == 0 and state.mark is None else opened.size
            spectator.turn(state.turn, bytes_total=size)
            feed = await _feed(job, results, opened)
            turn = Turn(results, feed, is_last=state.turn == TURN_LAST, watch=spectator)
            await turn.run(job.server, state.question)
        if state.turn == 0 and state.mark != job.mark:
            raise CliError(f"{job.name} was changed while it was read; start again")
        if not state.sizes[UNVERIFIED]:
            return
        begin_turn(job.paths, state)
        await asyncio.sleep(ASKED_AGAIN_AFTER_S[state.turn - 1])


@contextmanager
def _turns_source(job: Job, state: State, source: Source) -> Generator[Source]:
    """Open what the turn reads: the input, or what the turn before could not verify."""
    if state.turn == 0:
        yield source
        return
    with job.paths.part(UNVERIFIED, state.turn - 1).open("rb", buffering=0) as file:
        yield Source(file)


async def _feed(job: Job, results: Results, source: Source) -> RowFeed:
    """Return the rows that are still to be asked; raises CliError if those before are other ones."""
    state = results.state
    left = state.offset
    while left and (data := await source.read_exactly(min(left, READ_BYTES))):
        results.replay(data)
        left -= len(data)
    if left or (state.digest and results.digest != state.digest):
        raise CliError(
            f"{job.name} is not the list that the run began with; start without --resume"
        )
    if state.turn == 0 and state.offset == 0:
        await _pass_mark(results, source)
    names_ahead = state.turn == 0 and state.layout.has_names and not state.is_past_names
    splitter = RowSplitter(state.layout, skip_names=names_ahead, first_row=state.turn_rows + 1)
    return RowFeed(source, splitter, name=job.name)


async def _pass_mark(results: Results, source: Source) -> None:
    """Begin the results as the input begins, if that is with a byte order mark."""
    start = await source.read_exactly(len(BYTE_ORDER_MARK))
    if start == BYTE_ORDER_MARK:
        results.write(ALLOWED, start)
        results.write(DENIED, start)
        results.consumed(start)
    else:
        source.give_back(start)
