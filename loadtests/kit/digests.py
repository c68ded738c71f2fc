"""Digests and seals as the product makes them, from its key file.

Written again here, because the bench is a client and because the rivals have to do the same work: the
seeder fills the ledger with it, and what asks the cache server directly finds the entries by it.
"""

import json
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

BLOCK: Final = 16


class Keys:
    """The active keys of a data directory."""

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text())
        self.digest_key_id, root = _active(document["digest"])
        self.sealing_key_id, self._sealing_root = _active(document["sealing"])
        self.phone_key = _derive(root, b"izin digest of a telephone number", 32)
        self._block = Cipher(algorithms.AES(self.phone_key), modes.ECB()).encryptor()  # noqa: S305  # single blocks
        self._siv = AESSIV(_derive(self._sealing_root, b"izin sealed address", 64))

    def digests(self, numbers: Iterable[str]) -> list[bytes]:
        """Return the digests of telephone numbers, in order."""
        joined = b"".join(number.encode().ljust(BLOCK, b"\0") for number in numbers)
        made = self._block.update(joined)
        return [made[at : at + BLOCK] for at in range(0, len(made), BLOCK)]

    def sealer(self, brand_code: int) -> Callable[[str], bytes]:
        """Return what seals addresses for rows of a brand."""
        binding = [b"brand %d" % brand_code]
        return lambda number: self._siv.encrypt(number.encode(), binding)


def _active(family: dict[str, object]) -> tuple[int, bytes]:
    keys, active = family["keys"], family["active"]
    assert isinstance(keys, dict)  # noqa: S101  # the shape of a key file
    assert isinstance(active, int)  # noqa: S101  # likewise
    return active, bytes.fromhex(keys[str(active)])


def _derive(root: bytes, purpose: bytes, size: int) -> bytes:
    return blake2b(purpose, key=root, digest_size=size).digest()
