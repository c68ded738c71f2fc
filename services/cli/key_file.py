"""Where the digest and sealing keys are, and when they are made."""

from pathlib import Path

from services.cli import ledger_calls
from services.cli.embedded.data_dir import DataDir, is_new
from services.cli.errors import CliError
from services.cli.settings import UpSettings


def keys_file(settings: UpSettings, data_dir: DataDir) -> Path:
    """Return where the keys are."""
    return settings.keys_file.absolute() if settings.keys_file else data_dir.keys_file


def provide_keys(settings: UpSettings, data_dir: DataDir) -> None:
    """Make the keys with the data directory; later a missing file is a loss, not a beginning."""
    path = keys_file(settings, data_dir)
    if path.exists():
        return
    if not is_new(data_dir):
        raise CliError(
            f"the key file {path} is gone, and without it the ledger in {data_dir.path} cannot be "
            "read; restore it from your backup"
        )
    ledger_calls.create_keys(path)
