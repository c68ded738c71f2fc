"""What makes one documented error happen, on top of the documented request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Body = Mapping[str, Any]
Server = Literal["usual", "strict", "broken", "limited"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes one error happen, on top of the documented request.

    `fresh` takes an address that nobody has used, `before` are changes that make requests to be sent
    first, `raw` is a body in place of all that, `authorization` a header in place of the token. `subscriber`
    asks as one of `scene.SUBSCRIBERS`, about itself. `strict` has the three-day rule, `broken` a damaged
    ledger, `limited` a limit that is used up.
    """

    change: Body = field(default_factory=dict)
    drop: Sequence[str] = ()
    path: Body = field(default_factory=dict)
    before: Sequence["Recipe"] = ()
    fresh: bool = False
    raw: bytes | None = None
    token: bool = True
    authorization: str = ""
    subscriber: str = ""
    query: str = ""
    server: Server = "usual"
