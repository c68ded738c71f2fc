"""How a file is to be read: found out once, kept with the job, so that every worker reads it alike."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Final, Literal, NamedTuple

from services.ingest.reading.columns import HEADLESS, columns_of, looks_like_data
from services.ingest.reading.refusals import FileCode, refusal

Format = Literal["csv", "xlsx", "parquet"]
COLUMNS_MAX: Final = 1_000
PIECE_BYTES_MAX: Final = 33_554_432
"""The rows of a piece are in memory together."""
HEADER_WITHIN: Final = 20
"""Among so many rows at the top stand the names of the columns; titles may stand above them."""


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """Where the rows of a file lie, and what its columns are. `columns` has places counted from 0.

    `source` names the sealed file with the rows, `size` its bytes. `header_row` is the row with the columns'
    names as a person counts, 0 where there is none. `rows` make a piece; of a CSV file `offsets` tells where
    each piece begins, and where the last one ends, in bytes.
    """

    format: Format
    source: str
    size: int
    rows: int
    columns: dict[str, int] = field(default_factory=dict[str, int])
    names: list[str] = field(default_factory=list[str])
    header_row: int = 0
    encoding: str = "utf-8"
    is_clean: bool = True
    newline: str = "\n"
    delimiter: str = ","
    offsets: list[int] = field(default_factory=list[int])

    def to_json(self) -> dict[str, object]:
        """Return it as JSON. It may hold an address: without names of columns, `names` is the first row."""
        return asdict(self)

    @staticmethod
    def from_json(raw: Mapping[str, object]) -> "ReadPlan":
        """Return what `to_json` wrote; raises ValueError where another release wrote something else."""
        known = {name: raw[name] for name in (one.name for one in fields(ReadPlan)) if name in raw}
        try:
            return ReadPlan(**known)  # type: ignore[arg-type]  # we have written it ourselves
        except TypeError:
            raise ValueError("a plan of another release") from None

    def lead(self, number: int, count: int) -> int:
        """Return how many of the `count` rows of a piece are no data: title, and the columns' names."""
        return max(0, min(count, self.header_row - number * self.rows))


class Header(NamedTuple):
    """Which of the first rows tells the columns, counted from 0, and whether it names them or is data."""

    at: int
    is_named: bool
    columns: dict[str, int]
    names: list[str]

    @property
    def row(self) -> int:
        """Return the row with the names as a person counts, 0 where there is none."""
        return self.at + 1 if self.is_named else 0


def find_header(top: Sequence[Sequence[str]], mapping: Mapping[str, str]) -> Header:
    """Find the names of the columns in the first rows of a file.

    A file without them has the layout of the registry's own upload tool. Raises FileRefusedError.
    """
    filled = [at for at, cells in enumerate(top) if any(cell.strip() for cell in cells)]
    if not filled:
        raise refusal(FileCode.FILE_EMPTY)
    for at in filled:
        cells = list(top[at])
        if len(cells) > COLUMNS_MAX:
            raise refusal(FileCode.TOO_MANY_COLUMNS)
        if at == filled[0] and _is_headless(cells):
            columns = {name: place for place, name in enumerate(HEADLESS)}
            return Header(at, is_named=False, columns=columns, names=cells)
        if looks_like_data(cells):
            break
        columns = _columns(cells, mapping)
        # Below the first row a lone word that sounds like a column is more likely a title.
        if "recipient" in columns and (at == filled[0] or len(columns) > 1):
            return Header(at, is_named=True, columns=columns, names=cells)
    raise refusal(FileCode.COLUMN_MISSING if mapping else FileCode.RECIPIENT_COLUMN_MISSING)


def _columns(cells: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    """Return the fields' places; none where a mapped column is not among the cells."""
    try:
        return columns_of(cells, mapping)
    except KeyError:
        return {}
    except ValueError:
        raise refusal(FileCode.FIELD_UNKNOWN) from None


def _is_headless(cells: Sequence[str]) -> bool:
    words = [cell.strip().upper() for cell in cells]
    return (
        len(words) >= len(HEADLESS)
        and words[0] in {"ARAMA", "MESAJ", "EPOSTA"}
        and words[1].startswith("HS_")
    )
