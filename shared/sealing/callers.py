"""Who a caller is to a counter of requests: a keyed digest, so that what counts holds nobody's address.

It is derived from the active digest key. Nothing that lasts hangs on it: after a re-key everybody is
counted anew.
"""

from hashlib import blake2b
from typing import Final

from shared.sealing.keyring import KeyRing, derive

CALLER_DIGEST_BYTES: Final = 12


class CallerDigester:
    """Computes the digest of an account, a network address or a user name."""

    def __init__(self, ring: KeyRing) -> None:
        root = ring.digest_keys[ring.digest_key_id]
        self._key = derive(root, b"izin digest of a caller that is counted", 32)

    def digest(self, kind: str, name: str) -> bytes:
        """Return what stands for a caller; `kind` keeps an account apart from an address of the same text."""
        # A user name is what somebody has sent: it may hold a lone surrogate.
        text = f"{kind} {name}".encode("utf-8", "surrogatepass")
        return blake2b(text, key=self._key, digest_size=CALLER_DIGEST_BYTES).digest()
