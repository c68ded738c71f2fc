"""Secrets that must be known again in clear, such as a receiver's password: sealed at rest.

AES-GCM (NIST SP 800-38D) under a key that is derived from the key file's sealing key, with a fresh nonce
each time: two equal secrets do not look equal. What they belong to is bound in, so that the sealed bytes
open in no other place.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.sealing.addresses import SealBrokenError
from shared.sealing.keyring import KEY_BYTES, KeyRing, derive

NONCE_BYTES = 12


class SecretSealer:
    """Seals secrets of one kind with the active key, and opens what any known key has sealed.

    `purpose` names the kind; each has keys of its own. `place` is what a secret belongs to.
    """

    def __init__(self, ring: KeyRing, *, purpose: str) -> None:
        self.key_id = ring.sealing_key_id
        self._ciphers = {
            key_id: AESGCM(derive(root, b"izin secret: " + purpose.encode(), KEY_BYTES))
            for key_id, root in ring.sealing_keys.items()
        }

    def seal(self, secret: bytes, *, place: bytes) -> bytes:
        """Return the sealed secret, to be kept beside `key_id`: 28 bytes more than it was."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._ciphers[self.key_id].encrypt(nonce, secret, place)

    def open(self, sealed: bytes, *, place: bytes, key_id: int) -> bytes:
        """Return the secret; raises SealBrokenError."""
        try:
            return self._ciphers[key_id].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        except (InvalidTag, ValueError, KeyError):
            raise SealBrokenError(f"not sealed with key {key_id}, or for another place") from None
