"""Who somebody is, and how far they may go with one brand and channel.

A provider hands out rights to partners brand by brand and channel by channel, because consents
belong to the brand and a partner often serves only one of its channels. Rights are ordered:
whoever may write may read, so a grant is one word and "read but also write" cannot be said
wrongly.
"""

from enum import Enum


class Role(Enum):
    """What kind of account it is; it decides which questions may be asked at all."""

    PROVIDER = "provider"
    PARTNER = "partner"
    OPERATOR = "operator"
    MINISTRY = "ministry"
    ADMIN = "admin"


class Right(Enum):
    """What a grant allows. The values are the words of the wire, in rising order."""

    NONE = "none"
    READ = "read"
    WRITE = "write"

    def allows(self, wanted: "Right") -> bool:
        """Tell whether a holder of this right may do what needs `wanted`."""
        return _RANK[self] >= _RANK[wanted]


_RANK = {right: rank for rank, right in enumerate(Right)}
