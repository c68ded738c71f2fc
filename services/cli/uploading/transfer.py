"""A file on its way to a job, by tus 1.0.0: at one go, and after a cut from where the server has it.

One request takes all that is left: the server recognises a file that it knows while it comes in, and has to
read one that came in parts once more.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final, Protocol

import httpx

from services.cli.client import Client, refusal
from services.cli.errors import CliError
from services.cli.scrubbing.results import InputMark
from services.cli.uploading.asking import PassingError, Patience, attempt
from services.cli.uploading.job import job_path, read_job

READ_BYTES: Final = 262_144
VERSION: Final = "1.0.0"
_OFFSET: Final = "Upload-Offset"
_CONFLICT: Final = 409


class Watch(Protocol):
    """Somebody who looks at the transfer."""

    def sent(self, size: int) -> None:
        """Take note: so many bytes of the file are on their way or there."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """An open file, unbuffered, and what it looked like when it was opened."""

    name: str
    file: BinaryIO
    mark: InputMark

    @classmethod
    def of(cls, name: str, file: BinaryIO) -> "Content":
        """Return the content of an open file; raises CliError where there is nothing to send."""
        mark = InputMark.of(file)
        if not file.seekable() or not mark.size:
            raise CliError(f"{name} is empty or no file: there is nothing to upload")
        return cls(name, file, mark)

    @property
    def changed_at(self) -> datetime:
        """When the file was changed last, by the clock of its machine."""
        return datetime.fromtimestamp(self.mark.changed_ns / 1e9, UTC)

    def pieces(self, offset: int) -> Iterator[bytes]:
        """Yield what stands there and behind, little by little; raises CliError when it has changed."""
        while offset < self.mark.size:
            piece = os.pread(self.file.fileno(), READ_BYTES, offset)
            if InputMark.of(self.file) != self.mark or not piece:
                raise CliError(f"{self.name} was changed while it was sent; upload it anew")
            yield piece
            offset += len(piece)


def transfer(client: Client, job_id: str, content: Content, *, again: bool, watch: Watch) -> None:
    """Send what the server does not have yet; `again`: it is to be worked off, even if it was before.

    Raises CliError when it is refused or the file changes meanwhile, IncompleteError when the server is away
    for too long.
    """
    path = f"{job_path(job_id)}/content"
    patience = Patience()
    reached = 0
    while True:
        try:
            offset = _offset_of(attempt(client, "HEAD", path, headers={"Tus-Resumable": VERSION}))
            if offset > reached:
                patience.relax()
            reached = offset
            watch.sent(offset)
            if offset >= content.mark.size:
                return
            _send(client, f"{path}?again=true" if again else path, content, offset, watch)
        except PassingError as error:
            patience.pause(error)
            if read_job(client, job_id).state != "UPLOADING":
                return  # somebody has cancelled it, or only the answer was lost


def _send(client: Client, path: str, content: Content, offset: int, watch: Watch) -> None:
    headers = {
        "Tus-Resumable": VERSION,
        _OFFSET: str(offset),
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(content.mark.size - offset),
    }
    body = _watched(content.pieces(offset), offset, watch)
    response = attempt(client, "PATCH", path, headers=headers, content=body)
    if response.status_code == _CONFLICT:
        raise PassingError("the server has another part of the file than expected")
    if _offset_of(response) <= offset:
        raise PassingError("the server takes nothing of the file")


def _watched(pieces: Iterator[bytes], offset: int, watch: Watch) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        offset += len(piece)
        watch.sent(offset)


def _offset_of(response: httpx.Response) -> int:
    if not response.is_success:
        raise refusal(response.status_code, response.content)
    offset = response.headers.get(_OFFSET, "")
    if not (offset.isascii() and offset.isdigit()):
        raise CliError("the server does not say what it has of the file; is it a newer izin?")
    return int(offset)
