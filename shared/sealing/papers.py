"""Papers at rest: documents and contacts of applications, sealed with a key of their own.

AES-256-SIV (RFC 5297), bound to what they belong to: a paper moved to another application does not open.
And a digest of networks, by which two applications of one network are recognised and no address is kept.
"""

from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from shared.sealing.addresses import SealBrokenError
from shared.sealing.keyring import KeyRing, derive

NETWORK_DIGEST_BYTES: Final = 16


class PaperSealer:
    """Seals papers with the active key and opens what any known key has sealed."""

    def __init__(self, ring: KeyRing) -> None:
        self.key_id = ring.sealing_key_id
        self._ciphers = {
            key_id: AESSIV(derive(root, b"izin sealed paper", 64))
            for key_id, root in ring.sealing_keys.items()
        }
        root = ring.sealing_keys[ring.sealing_key_id]
        self._network_key = derive(root, b"izin digest of a network", 32)

    def seal(self, content: bytes, *, belongs_to: str) -> bytes:
        """Return the sealed content, bound to what it belongs to."""
        return self._ciphers[self.key_id].encrypt(content, [belongs_to.encode()])

    def open(self, sealed: bytes, *, belongs_to: str, key_id: int) -> bytes:
        """Return the content; raises SealBrokenError."""
        try:
            return self._ciphers[key_id].decrypt(sealed, [belongs_to.encode()])
        except (InvalidTag, KeyError):
            raise SealBrokenError(f"sealed with key {key_id}, {belongs_to}") from None

    def network_digest(self, network: str) -> bytes:
        """Return what stands for a network; without the key nobody can try all of them."""
        return blake2b(
            network.encode(), key=self._network_key, digest_size=NETWORK_DIGEST_BYTES
        ).digest()
