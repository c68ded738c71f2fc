"""What bodies of our own surface are made of. They validate: what is misspelt or half said is refused."""

import re
from datetime import date, datetime
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII
)


def _written_out(value: object) -> object:
    """Take a date as it is written only: a number would pass for seconds since 1970."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    raise ValueError("must be a date, YYYY-MM-DD")


def _with_offset(value: object) -> object:
    """Take an instant as RFC 3339 writes it; without an offset nobody knows when it is."""
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return value
    raise ValueError("must be an instant with an offset, YYYY-MM-DDThh:mm:ss+03:00")


Text = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")
]
# Strict: JSON's true is not brand 1.
Code = Annotated[int, Field(gt=0, lt=2**31, strict=True)]
Day = Annotated[date, BeforeValidator(_written_out)]
Instant = Annotated[datetime, BeforeValidator(_with_offset)]


class Strict(BaseModel):
    """A body whose unknown fields are refused: a misspelt right must not be ignored."""

    model_config = ConfigDict(extra="forbid")
