"""A setting that names a file of overrides of the table of limits; the file is read with the settings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from shared.domain.limits_table import Changes, LimitsFileError, read_overrides


def _read(value: object) -> object:
    """Read the file that an environment variable names; nothing in it is no file."""
    if not isinstance(value, str | Path):
        return value
    return _overrides_in(Path(value)) if str(value) else None


def _overrides_in(path: Path) -> Mapping[str, Changes]:
    try:
        content: object = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    try:
        return read_overrides(content)
    except LimitsFileError as error:
        raise ValueError(f"{path}: {error}") from None


LimitOverrides: TypeAlias = Annotated[
    Mapping[str, Changes] | None, NoDecode, BeforeValidator(_read)
]
