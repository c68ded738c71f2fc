"""Recognising the same content again without keeping it: a keyed hash, worth nothing without the key file."""

from hashlib import blake2b
from typing import Final

from typing_extensions import Buffer

from shared.sealing.keyring import KeyRing, derive

MAC_BYTES: Final = 32
_KEY_BYTES: Final = 64


class ContentMac:
    """The keyed hash (BLAKE2b) of one content, made while it passes by."""

    def __init__(self, key: bytes, about: bytes) -> None:
        self._hash = blake2b(key=key, digest_size=MAC_BYTES)
        # Its length first, so that no beginning of a content can pass for what the content is about.
        self._hash.update(len(about).to_bytes(8, "big") + about)

    def update(self, content: Buffer) -> None:
        """Add what comes next."""
        self._hash.update(content)

    def digest(self) -> bytes:
        """Return the hash of all that was added."""
        return self._hash.digest()


class ContentMacs:
    """Begins hashes; another sealing key makes other ones."""

    def __init__(self, ring: KeyRing) -> None:
        self._key = derive(
            ring.sealing_keys[ring.sealing_key_id], b"izin content of files", _KEY_BYTES
        )

    def begin(self, *, about: bytes) -> ContentMac:
        """Return the hash of a content to come; `about` says what besides the content must be the same."""
        return ContentMac(self._key, about)
