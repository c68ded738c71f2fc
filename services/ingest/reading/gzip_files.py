"""Files that were packed with gzip: unpacked as a stream, sealed again, and no larger than is allowed."""

import gzip
import zlib
from typing import Final

from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.refusals import FileCode, refusal
from services.ingest.reading.sealing import SealedOutput
from shared.sealing.sealed_file import SealedFile

BLOCK_BYTES: Final = 1_048_576


def gunzip(content: SealedFile, *, into: SealedFile, limits: ReadLimits) -> None:
    """Unpack the content. Raises FileRefusedError, ReadingStoppedError, OSError, SealBrokenError."""
    into.remove()
    output = SealedOutput(into, limits, packed=content.size)
    with content.open() as packed, gzip.GzipFile(fileobj=packed) as unpacked:
        while block := _read(unpacked):
            output.write(block)
    output.close()


def _read(unpacked: gzip.GzipFile) -> bytes:
    try:
        return unpacked.read(BLOCK_BYTES)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise refusal(FileCode.GZIP_BROKEN) from None
