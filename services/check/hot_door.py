"""The door between the server's protocol class and the service: open while the lifespan is.

The protocol class is made before the app's lifespan opens connections, and lives until after it has closed
them. Whoever puts both together makes one door and hands it to both: `create_app(settings, door=door)`
opens and closes it, the protocol class looks through it with every request.
"""

from dataclasses import dataclass
from typing import Final

from services.check.plain_check import PlainChecks

# In the scope of a request that was handed over: when it arrived (the loop's time), and that the cache was
# asked already.
ASKED_AT: Final = "izin.asked_at"
CACHE_MISSED: Final = "izin.cache_missed"


@dataclass(slots=True)
class HotDoor:
    """`plain` answers plain checks; None while the service is not open, or has no cache."""

    plain: PlainChecks | None = None
