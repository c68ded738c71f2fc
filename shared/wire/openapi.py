"""The error codes that any operation of the İYS wire can give, for what its description lists."""

from typing import Final

ANYWHERE: Final = ("H351", "H353", "H363", "H190", "H192", "H015", "H124")
SUBSCRIBED: Final = ("H520", "H521", "H524", "H586")
AT_A_BRAND: Final = (*ANYWHERE, *SUBSCRIBED, "H191")
"""Below `/sps/{iysCode}/brands/{brandCode}`."""
