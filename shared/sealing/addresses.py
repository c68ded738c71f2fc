"""An address at rest: a keyed digest that identifies it, and a sealed copy that can be opened.

Digest (16 bytes, ADR 0004). A telephone number in E.164 has at most 15 characters, so it fits one AES
block: a keyed permutation, collision-free, and cheap alone or in bulk. An e-mail address does not fit
and takes keyed BLAKE2b (RFC 7693). Without the key neither can be tried against a list of all numbers.

Seal: AES-256-SIV (RFC 5297), with the brand as associated data, so that a copy moved to another brand's
row does not open. SIV is deterministic: it needs no nonce that could repeat, and it tells an observer
no more than the digest beside it does. It costs 16 bytes over the address.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from struct import Struct
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from shared.sealing.keyring import KeyRing, derive

DIGEST_BYTES = 16
_EACH_DIGEST = Struct(f"{DIGEST_BYTES}s")


class SealBrokenError(Exception):
    """A sealed address does not open: another key, another brand, or damaged bytes."""


class Digester:
    """Computes the digest of an address under one key. Safe to share, also between threads."""

    def __init__(self, ring: KeyRing, *, key_id: int | None = None) -> None:
        self.key_id = ring.digest_key_id if key_id is None else key_id
        root = ring.digest_keys[self.key_id]
        phone_key = derive(root, b"izin digest of a telephone number", 32)
        self._email_key = derive(root, b"izin digest of an e-mail address", 64)
        # ECB of single blocks is exactly the keyed permutation that is wanted: one block, one address.
        self._block = Cipher(algorithms.AES(phone_key), modes.ECB()).encryptor()  # noqa: S305
        # The library's object serves one caller at a time, and raises RuntimeError for another.
        self._turn = Lock()

    @property
    def proof(self) -> bytes:
        """Return what tells this key from every other, and nothing about it."""
        return blake2b(
            b"izin proof of a digest key", key=self._email_key, digest_size=DIGEST_BYTES
        ).digest()

    def digest(self, recipient: str) -> bytes:
        """Return the 16 bytes that stand for a normalised address (E.164, or lower-case e-mail)."""
        if (
            "@" in recipient
        ):  # the first character does not tell: an e-mail may begin with a plus, too
            return blake2b(
                recipient.encode(), key=self._email_key, digest_size=DIGEST_BYTES
            ).digest()
        block = block_of(recipient)
        with self._turn:
            return self._block.update(block)

    def digests(self, recipients: Iterable[str]) -> list[bytes]:
        """Return the digests of many addresses, in order; one cipher call for all that are numbers."""
        addresses = list(recipients)
        if "@" in "\0".join(addresses):
            return [self.digest(address) for address in addresses]
        return self.digests_of_blocks(_blocks(addresses))

    def digests_of_blocks(self, blocks: bytes) -> list[bytes]:
        """Return the digests of numbers that stand one after the other, each as `block_of` writes it."""
        with self._turn:
            digests = self._block.update(blocks)
        return [digest for (digest,) in _EACH_DIGEST.iter_unpack(digests)]


class Sealer:
    """Seals addresses with the active key and opens what any known key has sealed."""

    def __init__(self, ring: KeyRing) -> None:
        self.key_id = ring.sealing_key_id
        self._ciphers = {
            key_id: AESSIV(derive(root, b"izin sealed address", 64))
            for key_id, root in ring.sealing_keys.items()
        }

    def seal(self, recipient: str, *, brand_code: int) -> bytes:
        """Return the sealed copy of an address for a row of this brand."""
        return self._ciphers[self.key_id].encrypt(recipient.encode(), [_binding(brand_code)])

    def seals(self, recipients: Iterable[str], *, brand_code: int) -> list[bytes]:
        """Return the sealed copies of many addresses, in order."""
        encrypt, binding = self._ciphers[self.key_id].encrypt, [_binding(brand_code)]
        return [encrypt(recipient.encode(), binding) for recipient in recipients]

    def open(self, sealed: bytes, *, brand_code: int, key_id: int) -> str:
        """Return the address; raises SealBrokenError."""
        try:
            return self._ciphers[key_id].decrypt(sealed, [_binding(brand_code)]).decode()
        except (InvalidTag, KeyError):
            raise SealBrokenError(f"sealed with key {key_id}, brand {brand_code}") from None


def block_of(number: str) -> bytes:
    """Return a telephone number as one cipher block.

    A longer text would shift every digest after it, so it raises ValueError.
    """
    raw = number.encode()
    if len(raw) >= DIGEST_BYTES:
        raise ValueError("a telephone number in E.164 has at most 15 characters")
    return raw.ljust(DIGEST_BYTES, b"\0")


def _blocks(numbers: Sequence[str]) -> bytes:
    """Return many numbers as blocks; nearly always they are equally long, and can be padded at once."""
    lengths = set(map(len, numbers))
    if len(lengths) == 1 and (padding := DIGEST_BYTES - lengths.pop()) > 0:
        pad = "\0" * padding
        blocks = (pad.join(numbers) + pad).encode()
        if len(blocks) == DIGEST_BYTES * len(numbers):
            return blocks
    return b"".join(map(block_of, numbers))


def _binding(brand_code: int) -> bytes:
    return b"brand %d" % brand_code
