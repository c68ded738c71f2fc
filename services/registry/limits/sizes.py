"""How large a request may be: the settings and constants that say so, shown beside the limits.

What is shown is what is heeded, so no two numbers can disagree.
"""

from dataclasses import dataclass
from typing import Final

from services.registry.settings import RegistrySettings
from shared.domain.paging import PAGE_SIZE_MAX
from shared.domain.read_access_change import RECIPIENTS_MAX, RETAILERS_MAX
from shared.domain.read_feed import CHANGES_PAGE_MAX


@dataclass(frozen=True, slots=True)
class Size:
    """The largest number of something; `code` answers to more. `setting` changes it; None: nothing does."""

    name: str
    most: int
    code: str
    setting: str | None = None


# Name, code, field of the settings.
_CHOSEN: Final = (
    ("bodyBytes", "H085", "registry_body_bytes_max"),
    ("batchConsents", "H091", "ingest_batch_max"),
    ("bulkStatusRecipients", "H127", "bulk_status_max"),
    ("retailerAccessOnAdd", "H126", "retailer_access_max"),
    ("retailersOfBrand", "H067", "retailers_max"),
    ("checkRecipients", "TOO_MANY_RECIPIENTS", "check_batch_max"),
)
_FIXED: Final = (
    Size("pageRows", PAGE_SIZE_MAX, "H186"),
    Size("changesRows", CHANGES_PAGE_MAX, "H507"),
    Size("accessRecipients", RECIPIENTS_MAX, "H127"),
    Size("accessRetailers", RETAILERS_MAX, "H126"),
)


def sizes_of(settings: RegistrySettings) -> list[Size]:
    """Return the sizes that hold in this installation."""
    values: dict[str, int] = settings.model_dump(include={field for _, _, field in _CHOSEN})
    chosen = [
        Size(name, values[field], code, f"IZIN_{field.upper()}") for name, code, field in _CHOSEN
    ]
    return [*chosen, *_FIXED]
