"""Write a file of consents, and what must become of each of its rows.

    python -m loadtests.consent_files --rows 100000 --format csv --bad 0.02 --seed 7 OUT

writes OUT, and OUT.expected.jsonl with a line for each row: its number (a header is row 1), the word or code
that it ends with, whether a refusal is kept as a block, and its kind. The same arguments, `--now` among them,
make the same files. Expected is what a ledger says that has no record of these people; the brands are the
sender's own.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Final

from loadtests.consent_files.rows import Line
from loadtests.consent_files.stream import Recipe, Tally, lines
from loadtests.consent_files.write_csv import Dialect, write_csv
from loadtests.consent_files.write_tables import ROWS_A_SHEET_MAX, write_parquet, write_xlsx

TURKEY: Final = timezone(timedelta(hours=3))
NAMES: Final = {
    "turkish": {
        "recipient": "Alıcı",
        "type": "İzin Türü",
        "status": "Durum",
        "source": "Kaynak",
        "consentDate": "İzin Tarihi",
        "recipientType": "Alıcı Tipi",
        "brandCode": "Marka No",
        "retailerCode": "Bayi Kodu",
        "retailerAccess": "Bayi Erişimi",
    },
    "english": {},  # the wire's names
}


def write_file(path: Path, recipe: Recipe, dialect: Dialect, *, names: str = "turkish") -> Tally:
    """Write a file and its expectation beside it; return what it holds."""
    tally = Tally()
    spoken = NAMES[names]
    header = [spoken.get(name, name) for name in recipe.columns]
    with Path(f"{path}.expected.jsonl").open("w") as expected:
        counted = _noted(lines(recipe), tally, expected)
        match recipe.format:
            case "csv":
                write_csv(path, header if recipe.has_header else None, counted, dialect)
            case "xlsx":
                write_xlsx(path, header if recipe.has_header else None, counted)
            case "parquet":
                write_parquet(path, header, counted)
    return tally


def turkish_now() -> datetime:
    """Return the time on Turkish clocks."""
    return datetime.now(UTC).astimezone(TURKEY).replace(tzinfo=None, microsecond=0)  # noqa: TID251  # files of today


def _noted(all_lines: Iterable[Line], tally: Tally, expected: IO[str]) -> Iterator[Line]:
    for line in all_lines:
        tally.count(line)
        block = ', "block": true' if line.outcome.block else ""
        expected.write(
            f'{{"row": {line.number}, "outcome": "{line.outcome.word}"{block}, "kind": "{line.kind}"}}\n'
        )
        yield line


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--format", choices=("csv", "xlsx", "parquet"), default="csv")
    parser.add_argument("--gzip", action="store_true", help="CSV packed with gzip")
    parser.add_argument("--bad", type=float, default=0.02, help="share of rows turned away")
    parser.add_argument("--repeated", type=float, default=0.02, help="share of rows of one key")
    parser.add_argument("--odd", type=float, default=0.05, help="share of good rows spelled oddly")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--now", type=datetime.fromisoformat, help="Turkish local time of the file")
    parser.add_argument("--brands", help="brand codes, with commas: they get a column")
    parser.add_argument("--retailers", action="store_true", help="columns of retailers")
    parser.add_argument("--names", choices=("turkish", "english", "none"), default="turkish")
    parser.add_argument("--delimiter", choices=(";", ",", "tab"), default=";")
    parser.add_argument(
        "--encoding", choices=("utf-8", "utf-8-sig", "windows-1254"), default="utf-8"
    )
    return parser.parse_args()


def main() -> None:
    """Write one file, and print what is in it."""
    given = _arguments()
    if given.format == "xlsx" and given.rows >= ROWS_A_SHEET_MAX:
        raise SystemExit(f"a sheet has at most {ROWS_A_SHEET_MAX} rows")
    if given.names == "none" and (given.brands or given.retailers or given.format == "parquet"):
        raise SystemExit("a file without a header has six columns and is CSV or XLSX")
    recipe = Recipe(
        rows=given.rows,
        now=given.now or turkish_now(),
        seed=given.seed,
        bad=given.bad,
        repeated=given.repeated,
        odd=given.odd,
        format=given.format,
        has_header=given.names != "none",
        brand_codes=[int(code) for code in (given.brands or "1").split(",")],
        has_brand_column=given.brands is not None,
        has_retailer_columns=given.retailers,
    )
    delimiter = "\t" if given.delimiter == "tab" else given.delimiter
    dialect = Dialect(delimiter, given.encoding, gzipped=given.gzip)
    names = "english" if given.names == "none" else given.names
    tally = write_file(given.out, recipe, dialect, names=names)
    facts = {
        "now": recipe.now.isoformat(" "),
        "rows": tally.kinds.total(),
        "blocks": tally.blocks,
        "outcomes": dict(sorted(tally.outcomes.items())),
        "kinds": dict(sorted(tally.kinds.items())),
    }
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
