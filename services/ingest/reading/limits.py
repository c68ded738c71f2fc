"""How much a file may ask of us while it is read; what nobody sets stands beside what it bounds."""

from dataclasses import dataclass
from typing import Final

SMALL_BYTES_MAX: Final = 64_000_000
"""So much any file may unpack to."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds of one file. A file may unpack to `unpacked_bytes_max`, and to `ratio_max` times its size.

    A workbook, as it is sent, has at most `workbook_bytes_max`. The child that reads workbooks and Parquet
    has `child_memory_bytes` of address space, and `child_s` seconds.
    """

    unpacked_bytes_max: int = 21_474_836_480
    ratio_max: int = 200
    workbook_bytes_max: int = 134_217_728
    child_memory_bytes: int = 1_073_741_824
    child_s: int = 600

    def admits(self, unpacked: int, *, packed: int) -> bool:
        """Say whether so many bytes may come of so many."""
        if unpacked > self.unpacked_bytes_max:
            return False
        return unpacked <= SMALL_BYTES_MAX or unpacked <= packed * self.ratio_max
