"""`izin template` writes a file to fill in and upload."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.errors import CliError
from services.cli.output import AsJson, show
from services.cli.uploading.template_columns import columns, examples
from services.cli.uploading.template_files import as_csv, as_xlsx
from shared.clock import utc_now


class Format(Enum):
    """What the file is."""

    XLSX = "xlsx"
    CSV = "csv"


NAME: Final = "izin-sablonu"


def template(
    out: Annotated[
        Path | None, typer.Argument(metavar="OUT", help=f"{NAME}.xlsx or .csv if left out.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="As OUT ends if left out; else xlsx.")
    ] = None,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="With the columns for brands and retailers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    form = form or _format_of(out)
    path = out or Path(f"{NAME}.{form.value}")
    chosen = columns(full=full)
    write = as_xlsx if form is Format.XLSX else as_csv
    _save(path, write(chosen, examples(utc_now())))
    if as_json:
        headings = {column.heading: column.field for column in chosen}
        show({"file": str(path), "format": form.value, "columns": headings}, as_json=True)
        return
    print(f"{path}: write your rows in place of the two examples, then `izin upload {path}`")


def _format_of(out: Path | None) -> Format:
    ending = "" if out is None else out.suffix.lower().removeprefix(".")
    if ending in {"", Format.XLSX.value}:
        return Format.XLSX
    if ending == Format.CSV.value:
        return Format.CSV
    raise CliError(f"there is no template for .{ending} files: --format xlsx or --format csv")


def _save(path: Path, content: bytes) -> None:
    """Write a new file: an old one may be filled in already."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise CliError(f"{path} exists already; move it away or name another file") from None
    except OSError as error:
        raise CliError(f"{path} cannot be written ({error.strerror})") from None
