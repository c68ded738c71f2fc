"""Looking through a CSV file once, whole: its encoding, its lines, and where each piece of it begins.

So whatever makes the file unreadable is known before any row of it is recorded, and a worker that takes over
finds its piece without reading what comes before.
"""

import codecs
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from services.ingest.reading.plan import PIECE_BYTES_MAX
from services.ingest.reading.refusals import FileCode, refusal

BLOCK_BYTES: Final = 1_048_576
LINE_BYTES_MAX: Final = BLOCK_BYTES
TURKISH_WINDOWS: Final = "windows-1254"
_BEYOND_ASCII: Final = bytes(range(0x80, 0x100))
_FEW_BYTES: Final = 2_048


@dataclass(slots=True)
class CsvSurvey:
    """What a look through the file has found. Lines end with `newline`; a piece begins at each offset."""

    rows: int
    newline: bytes = b"\n"
    encoding: str = "utf-8"
    is_clean: bool = True
    size: int = 0
    lines: int = 0
    offsets: list[int] = field(default_factory=lambda: [0])
    _line_start: int = 0

    def take(self, block: bytes) -> None:
        """Count the lines of the next block; raises FileRefusedError."""
        newline, at = self.newline, self.size
        first, last = block.find(newline), block.rfind(newline)
        line_end = at + (first if first >= 0 else len(block))
        if line_end - self._line_start > LINE_BYTES_MAX:
            raise refusal(FileCode.LINE_TOO_LONG)
        if last >= 0:
            self._line_start = at + last + 1
        found = block.count(newline)
        start = 0
        while (missing := self.rows * len(self.offsets) - self.lines) <= found:
            start = _behind(block, newline, missing, start)
            self._begin_piece(at + start)
            self.lines += missing
            found -= missing
        self.lines += found
        self.size += len(block)

    def end(self) -> None:
        """Close the last piece."""
        if self._line_start < self.size:
            self.lines += 1
        if self.offsets[-1] < self.size:
            self._begin_piece(self.size)

    def _begin_piece(self, offset: int) -> None:
        if offset - self.offsets[-1] > PIECE_BYTES_MAX:
            raise refusal(FileCode.LINE_TOO_LONG)
        self.offsets.append(offset)


def survey_csv(file: BinaryIO, *, rows: int) -> CsvSurvey:
    """Look through the file, with pieces of `rows` lines; raises FileRefusedError."""
    file.seek(0)
    head = file.read(BLOCK_BYTES)
    survey = CsvSurvey(rows, newline=b"\r" if b"\n" not in head and b"\r" in head else b"\n")
    encoding = _Encoding()
    block = head
    while block:
        survey.take(block)
        encoding.take(block)
        block = file.read(BLOCK_BYTES)
    survey.end()
    survey.encoding, survey.is_clean = encoding.found()
    return survey


def _behind(block: bytes, newline: bytes, count: int, start: int) -> int:
    """Return the place behind the `count`-th newline from `start` on; there are as many."""
    low, high = start, len(block)
    # Halves are counted, so that not every line must be looked for by itself.
    while high - low > _FEW_BYTES:
        middle = (low + high) // 2
        there = block.count(newline, low, middle)
        if there < count:
            low, count = middle, count - there
        else:
            high = middle
    for _ in range(count):
        low = block.index(newline, low) + 1
    return low


class _Encoding:
    """UTF-8, or the Turkish page of Windows: whichever explains more of the letters beyond ASCII.

    A file of UTF-8 with some torn letters stays one, and only the rows that have them suffer.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._good = 0
        self._bad = 0

    def take(self, block: bytes) -> None:
        if block.isascii():
            self._bad += bool(self._decoder.getstate()[0])
            self._decoder.reset()
            return
        text = self._decoder.decode(block)
        bad = text.count("\ufffd")
        self._bad += bad
        self._good += len(text) - bad - len(block.translate(None, _BEYOND_ASCII))

    def found(self) -> tuple[str, bool]:
        """Return the encoding, and whether every byte fits."""
        self._bad += bool(self._decoder.getstate()[0])
        if self._bad > self._good:
            return TURKISH_WINDOWS, False
        return "utf-8", not self._bad
