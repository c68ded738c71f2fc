"""The rows that were turned away, as a file beside the one that was uploaded."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from services.cli.client import AwayError, Client, refusal
from services.cli.errors import CliError
from services.cli.uploading.asking import PassingError, Patience
from services.cli.uploading.job import job_path

_NO_CONTENT: Final = 204
_ENDINGS: Final = {
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.apache.parquet": "parquet",
}


def save_faults(client: Client, job_id: str, *, out: Path | None, beside: Path) -> Path | None:
    """Fetch the rows that were turned away to `out`, or beside the upload; None where there are none.

    The server needs a moment to put them together after a job has ended early. Raises CliError,
    IncompleteError.
    """
    patience = Patience()
    while True:
        try:
            return _save(client, f"{job_path(job_id)}/faults", out, beside)
        except PassingError as error:
            patience.pause(error)


def _save(client: Client, path: str, out: Path | None, beside: Path) -> Path | None:
    try:
        with client.open_file(path) as response:
            retry_s = response.headers.get("Retry-After", "")
            if not response.is_success:
                error = refusal(response.status_code, response.read())
                raise PassingError(str(error)) if retry_s else error
            if response.status_code == _NO_CONTENT:
                return None
            kind = response.headers.get("Content-Type", "").partition(";")[0]
            to = out or _named(beside, _ENDINGS.get(kind, "csv"))
            with _replacing(to) as file:
                for piece in response.iter_bytes():
                    file.write(piece)
    except AwayError as error:
        raise PassingError(str(error)) from None
    return to


def _named(beside: Path, ending: str) -> Path:
    """Return `list.faults.csv` for `list.csv` and for `list.csv.gz`."""
    bare = beside.with_suffix("") if beside.suffix == ".gz" else beside
    return bare.with_name(f"{bare.stem}.faults.{ending}")


@contextmanager
def _replacing(path: Path) -> Generator[BinaryIO]:
    """Write a file that takes the place of an old one when it is whole."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise CliError(f"{path} cannot be written ({error.strerror})") from None
    finally:
        part.unlink(missing_ok=True)
