"""The results of a scrub while they are made: parts that can be continued, and what says how far they are.

`<prefix>.allowed.csv` and `<prefix>.denied.csv` appear when everything was answered, and not before. Until
then the rows are in `.part` files, and a state file says how much of each counts. It is written after
the parts are on the disk, so a run that is killed at any moment can be continued: what is behind the
recorded sizes is cut off and asked again.
"""

import fcntl
import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from services.cli.errors import CliError
from services.cli.scrubbing.rows import Layout

ALLOWED, DENIED, UNVERIFIED = 0, 1, 2
_PARTS: Final = ("allowed", "denied", "unverified")


class InputMark(BaseModel):
    """What tells that a file is still the one that the run began with; a pipe has none."""

    model_config = ConfigDict(frozen=True)

    size: int
    changed_ns: int

    @classmethod
    def of(cls, file: BinaryIO) -> "InputMark":
        """Return the mark of an open file."""
        facts = os.fstat(file.fileno())
        return cls(size=facts.st_size, changed_ns=facts.st_mtime_ns)


class State(BaseModel):
    """How far a run is. Offsets and sizes in bytes; no address is in here.

    Turn 0 reads the input; turn n reads the rows that turn n-1 left unverified. `digest` is that of the
    first `offset` bytes of what the turn reads, `sizes` are those of the parts (allowed, denied,
    unverified). `counts` holds the final reasons, so unverified rows appear there in the last turn alone.
    """

    form: Literal[1] = 1
    server: str
    question: dict[str, str]
    layout: Layout
    mark: InputMark | None
    turn: int = 0
    turn_rows: int = 0
    offset: int = 0
    digest: str = ""
    sizes: tuple[int, int, int] = (0, 0, 0)
    rows: int = 0
    allowed: int = 0
    counts: dict[str, int] = {}
    position: int | None = None
    is_past_names: bool = False
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class Paths:
    """The names of everything that a scrub writes, by the prefix of its results."""

    prefix: Path

    def result(self, part: int) -> Path:
        """Return where the allowed or the denied rows will be."""
        return self._named(f"{_PARTS[part]}.csv")

    def part(self, part: int, turn: int = 0) -> Path:
        """Return where they are gathered; each turn leaves unverified rows of its own."""
        name = f"unverified.{turn}" if part == UNVERIFIED else f"{_PARTS[part]}.csv"
        return self._named(f"{name}.part")

    @property
    def state(self) -> Path:
        """What says how far the parts are."""
        return self._named("scrub-state.json")

    def _named(self, ending: str) -> Path:
        return self.prefix.with_name(f"{self.prefix.name}.{ending}")


def read_state(paths: Paths) -> State | None:
    """Return how far an earlier run came; None if there is none to continue."""
    try:
        return State.model_validate_json(paths.state.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise CliError(f"{paths.state} is not of this version; start without --resume") from None


class Results:
    """The parts of one turn, open for writing from where the state says that they are."""

    def __init__(self, paths: Paths, state: State, files: Sequence[BinaryIO]) -> None:
        self.state = state
        self._paths = paths
        self._files = files
        self._digest = blake2b()

    def replay(self, data: bytes) -> None:
        """Go past what was consumed in an earlier run."""
        self._digest.update(data)

    @property
    def digest(self) -> str:
        """The digest of everything that was consumed."""
        return self._digest.hexdigest()

    def write(self, part: int, content: bytes) -> None:
        """Add rows to a part; they count with the next `save`."""
        self._files[part].write(content)

    def consumed(self, data: bytes) -> None:
        """Count what was read from the turn's source and is answered now."""
        self._digest.update(data)
        self.state.offset += len(data)

    def save(self) -> None:
        """Put everything on the disk, and then say how far it is."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        allowed, denied, unverified = (file.tell() for file in self._files)
        self.state.sizes = allowed, denied, unverified
        self.state.digest = self.digest
        _write_state(self._paths, self.state)


@contextmanager
def open_results(paths: Paths, state: State) -> Generator[Results]:
    """Open the parts of the state's turn, cut to what counts."""
    with ExitStack() as stack:
        files = [
            stack.enter_context(_cut(paths.part(part, state.turn), state.sizes[part]))
            for part in (ALLOWED, DENIED, UNVERIFIED)
        ]
        yield Results(paths, state, files)


def begin_turn(paths: Paths, state: State) -> None:
    """Go on to the rows that the turn left unverified."""
    allowed, denied, _ = state.sizes
    state.turn, state.turn_rows, state.offset, state.digest = state.turn + 1, 0, 0, ""
    state.sizes = allowed, denied, 0
    _write_state(paths, state)
    paths.part(UNVERIFIED, state.turn - 2).unlink(missing_ok=True)


def finish(paths: Paths, state: State) -> None:
    """Give the parts their names: denied rows first, so that allowed ones are there only if all is."""
    state.is_answered = True
    _write_state(paths, state)
    for part in (DENIED, ALLOWED):
        with suppress(FileNotFoundError):  # done by a run that was killed right afterwards
            paths.part(part).rename(paths.result(part))
    for turn in range(state.turn + 1):
        paths.part(UNVERIFIED, turn).unlink(missing_ok=True)
    paths.state.unlink()


def remove_old(paths: Paths) -> None:
    """Remove what earlier runs left: an outdated list must not pass for the one that is being made."""
    old = [paths.state, *(paths.result(part) for part in (ALLOWED, DENIED))]
    old += [paths.part(part) for part in (ALLOWED, DENIED)]
    old += paths.prefix.parent.glob(f"{paths.prefix.name}.unverified.*.part")
    for path in old:
        path.unlink(missing_ok=True)


@contextmanager
def only_run(paths: Paths) -> Generator[None]:
    """Keep a second run off the same results; CliError when this is the second."""
    lock = paths.state.with_suffix(".lock")
    try:
        file = lock.open("wb")
    except OSError as error:
        raise CliError(f"{paths.prefix.parent} cannot be written to ({error.strerror})") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CliError(f"another run is writing to {paths.prefix}.…; wait for it") from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _cut(path: Path, size: int) -> BinaryIO:
    file = path.open("ab")
    if os.fstat(file.fileno()).st_size < size:
        file.close()
        raise CliError(f"{path} is shorter than it was; start without --resume")
    file.truncate(size)
    file.seek(0, os.SEEK_END)
    return file


def _write_state(paths: Paths, state: State) -> None:
    draft = paths.state.with_suffix(".draft")
    with draft.open("w") as file:
        file.write(state.model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    draft.rename(paths.state)
