"""A client of `POST /check/stream` that writes and reads when a test says so, byte by byte if need be."""

import json
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Self

import h11
from typing_extensions import override

from tests.end_to_end.running import Izin

WAIT_S = 20


class RawList:
    """One list on a connection of its own. `announced` is its Content-Length; without it, chunks."""

    def __init__(
        self, port: int, *, key: str, query: str, announced: int | None = None, expect: bool = False
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self._http = h11.Connection(h11.CLIENT)
        self._lines = b""
        headers = [("Host", "izin.example"), ("Authorization", f"Bearer {key}")]
        headers += [("Content-Length", str(announced))] if announced is not None else []
        headers += [("Transfer-Encoding", "chunked")] if announced is None else []
        headers += [("Expect", "100-continue")] if expect else []
        self._write(h11.Request(method="POST", target=f"/check/stream?{query}", headers=headers))
        self.sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_unused: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._write(h11.Data(data=data))
        self.sent += len(data)

    def finish(self) -> None:
        self._write(h11.EndOfMessage())

    def head(self) -> int:
        """Return the status of the next response, an informational one included."""
        event = self._event()
        assert isinstance(event, h11.Response | h11.InformationalResponse), event
        return event.status_code

    def line(self) -> dict[str, Any]:
        """Return the next answer."""
        while b"\n" not in self._lines:
            event = self._event()
            assert isinstance(event, h11.Data), event
            self._lines += bytes(event.data)
        line, _, self._lines = self._lines.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def rest(self) -> tuple[int, bytes]:
        """Read to the end of the answer; return how many lines came, and the last of them."""
        count, last = 0, self._lines
        while not isinstance(event := self._event(), h11.EndOfMessage):
            assert isinstance(event, h11.Data), event
            count += last.count(b"\n")
            last = last[last.rfind(b"\n", 0, -1) + 1 :] if last.endswith(b"\n") else last
            last = last.rpartition(b"\n")[2] + bytes(event.data)
        return count + last.count(b"\n"), last.splitlines()[-1]

    def is_cut(self) -> bool:
        """Read until the connection ends; True if the answer was not completed."""
        try:
            while not isinstance(self._event(), h11.EndOfMessage):
                pass
        except (h11.RemoteProtocolError, ConnectionError):
            return True
        return False

    def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(self._socket.recv(65_536))
        return event

    def _write(self, event: h11.Event) -> None:
        self._socket.sendall(self._http.send(event) or b"")


class Writer(threading.Thread):
    """Writes pieces as fast as they are taken, beside whoever reads; ends by itself when cut off."""

    def __init__(self, to: RawList, pieces: Iterable[bytes]) -> None:
        super().__init__(daemon=True)
        self._to, self._pieces = to, pieces
        self.start()

    @override
    def run(self) -> None:
        with suppress(OSError):
            for piece in self._pieces:
                self._to.send(piece)
            self._to.finish()


class Reader(Writer):
    """Reads to the end, beside whoever writes."""

    def __init__(self, talk: RawList) -> None:
        self._talk = talk
        super().__init__(talk, ())

    @override
    def run(self) -> None:
        with suppress(OSError, h11.RemoteProtocolError):
            self._talk.rest()


def open_list(
    izin: Izin, *, port: int = 0, key: str = "", announced: int | None = None, expect: bool = False
) -> RawList:
    """Begin a list about MESAJ of the demo world's first brand, as its operator."""
    world = izin.demo
    return RawList(
        port or izin.port,
        key=key or world["operator"]["api_key"],
        query=f"brandCode={world['brands'][0]['brand_code']}&type=MESAJ",
        announced=announced,
        expect=expect,
    )
