"""What is personal about a retailer, at rest: sealed as a whole, its numbers found again by keyed digests.

Name, TCKN, tax number, MERSIS and mobile of a retailer are those of a person, nearly always. Nobody searches
by them but to see whether a number is taken, so they lie sealed in one piece (AES-256-SIV, RFC 5297, bound to
the brand as addresses are), and a TCKN and a MERSIS have a digest each (keyed BLAKE2b, RFC 7693): eleven
digits are few enough to try them all, so a plain hash would hide nothing. Each key has this purpose alone.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, Literal, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from shared.sealing.addresses import DIGEST_BYTES, SealBrokenError
from shared.sealing.keyring import KeyRing, derive

IdKind = Literal["tckn", "mersis"]
_PURPOSE: Final = {
    "tckn": b"izin digest of a tckn",
    "mersis": b"izin digest of a mersis",
}


class IdDigester:
    """Computes the digest of a national number under one digest key."""

    def __init__(self, ring: KeyRing, *, key_id: int | None = None) -> None:
        self.key_id = ring.digest_key_id if key_id is None else key_id
        root = ring.digest_keys[self.key_id]
        self._keys = {kind: derive(root, purpose, 64) for kind, purpose in _PURPOSE.items()}

    def digest(self, number: str, *, kind: IdKind) -> bytes:
        """Return the 16 bytes that stand for a number of this kind."""
        return blake2b(number.encode(), key=self._keys[kind], digest_size=DIGEST_BYTES).digest()


class DetailSealer:
    """Seals a retailer's details with the active key and opens what any known key has sealed."""

    def __init__(self, ring: KeyRing) -> None:
        self.key_id = ring.sealing_key_id
        self._ciphers = {
            key_id: AESSIV(derive(root, b"izin sealed retailer", 64))
            for key_id, root in ring.sealing_keys.items()
        }

    def seal(self, details: Mapping[str, str], *, brand_code: int) -> bytes:
        """Return the sealed copy of named texts for a retailer of this brand."""
        document = json.dumps(dict(details), ensure_ascii=False, separators=(",", ":"))
        return self._ciphers[self.key_id].encrypt(document.encode(), [b"brand %d" % brand_code])

    def open(self, sealed: bytes, *, brand_code: int, key_id: int) -> dict[str, str]:
        """Return the texts by their names; raises SealBrokenError."""
        try:
            document = self._ciphers[key_id].decrypt(sealed, [b"brand %d" % brand_code])
        except (InvalidTag, KeyError):
            raise SealBrokenError(f"sealed with key {key_id}, brand {brand_code}") from None
        return cast("dict[str, str]", json.loads(document))
