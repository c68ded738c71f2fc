"""The keys: which ones exist, which are active, and the file that holds them.

One JSON file, mode 0600, made once by `izin keys new` (the embedded default makes its own in the data
directory). Losing it loses the ledger: digests cannot be computed and sealed addresses not opened.
A check process needs no sealing keys and no private token key; a file without them serves it.
"""

import json
import os
import secrets
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES = 32


class KeyFileError(Exception):
    """The key file is missing, unreadable or not a key file; the message says what to do."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every key a process knows. Ids are small integers; retired keys stay for what they made.

    `digest_keys` and `sealing_keys` map a key id to 32 secret bytes; `token_private` is absent where
    tokens are only verified.
    """

    digest_key_id: int
    digest_keys: dict[int, bytes] = field(repr=False)
    sealing_key_id: int
    sealing_keys: dict[int, bytes] = field(repr=False)
    token_public: Ed25519PublicKey
    token_private: Ed25519PrivateKey | None

    def with_new_digest_key(self) -> "KeyRing":
        """Return a ring whose active digest key is new; the old one stays for evidence (ADR 0004)."""
        key_id = max(self.digest_keys) + 1
        keys = {**self.digest_keys, key_id: secrets.token_bytes(KEY_BYTES)}
        return KeyRing(
            digest_key_id=key_id,
            digest_keys=keys,
            sealing_key_id=self.sealing_key_id,
            sealing_keys=self.sealing_keys,
            token_public=self.token_public,
            token_private=self.token_private,
        )

    def with_new_sealing_key(self) -> "KeyRing":
        """Return a ring that seals with a new key from now on and still opens what the old ones sealed."""
        key_id = max(self.sealing_keys) + 1
        keys = {**self.sealing_keys, key_id: secrets.token_bytes(KEY_BYTES)}
        return KeyRing(
            digest_key_id=self.digest_key_id,
            digest_keys=self.digest_keys,
            sealing_key_id=key_id,
            sealing_keys=keys,
            token_public=self.token_public,
            token_private=self.token_private,
        )


def new_key_ring() -> KeyRing:
    """Return a ring of fresh random keys."""
    private = Ed25519PrivateKey.generate()
    return KeyRing(
        digest_key_id=1,
        digest_keys={1: secrets.token_bytes(KEY_BYTES)},
        sealing_key_id=1,
        sealing_keys={1: secrets.token_bytes(KEY_BYTES)},
        token_public=private.public_key(),
        token_private=private,
    )


def derive(root: bytes, purpose: bytes, size: int) -> bytes:
    """Return a key for one purpose from a root key, so that no key is ever used for two things."""
    return blake2b(purpose, key=root, digest_size=size).digest()


def create_key_file(path: Path) -> KeyRing:
    """Write a new key file and return its ring; refuses to touch one that exists (FileExistsError)."""
    ring = new_key_ring()
    write_key_file(path, ring, replace=False)
    return ring


def write_key_file(path: Path, ring: KeyRing, *, replace: bool = True) -> None:
    """Write the ring to `path`, whole or not at all, readable by the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(_to_json(ring), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            path.hardlink_to(
                draft
            )  # unlike a look before a leap, this fails if somebody was faster
    finally:
        draft.unlink(missing_ok=True)
    _flush_directory(path.parent)


def _flush_directory(path: Path) -> None:
    """Make the file's name as durable as its content: what these keys write must not outlive them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_key_file(path: Path) -> KeyRing:
    """Read a ring; raises KeyFileError with a sentence for a person."""
    try:
        document = cast("dict[str, object]", json.loads(path.read_text()))
        return _from_json(document)
    except FileNotFoundError:
        raise KeyFileError(f"no key file at {path}: make one with `izin keys new`") from None
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyFileError(f"{path} is not a key file of izin") from None


def _to_json(ring: KeyRing) -> dict[str, object]:
    raw = serialization.Encoding.Raw
    document: dict[str, object] = {
        "digest": {
            "active": ring.digest_key_id,
            "keys": {str(key_id): key.hex() for key_id, key in ring.digest_keys.items()},
        },
        "sealing": {
            "active": ring.sealing_key_id,
            "keys": {str(key_id): key.hex() for key_id, key in ring.sealing_keys.items()},
        },
        "token_public": ring.token_public.public_bytes(raw, serialization.PublicFormat.Raw).hex(),
    }
    if ring.token_private is not None:
        document["token_private"] = ring.token_private.private_bytes_raw().hex()
    return document


def _from_json(document: dict[str, object]) -> KeyRing:
    private_hex = document.get("token_private")
    digest_id, digest_keys = _family(document["digest"])
    sealing_id, sealing_keys = _family(document["sealing"]) if "sealing" in document else (0, {})
    return KeyRing(
        digest_key_id=digest_id,
        digest_keys=digest_keys,
        sealing_key_id=sealing_id,
        sealing_keys=sealing_keys,
        token_public=Ed25519PublicKey.from_public_bytes(
            bytes.fromhex(str(document["token_public"]))
        ),
        token_private=None
        if private_hex is None
        else Ed25519PrivateKey.from_private_bytes(bytes.fromhex(str(private_hex))),
    )


def _family(part: object) -> tuple[int, dict[int, bytes]]:
    family = cast("dict[str, object]", part)
    texts = cast("dict[str, str]", family["keys"])
    keys = {int(key_id): bytes.fromhex(text) for key_id, text in texts.items()}
    active = int(cast("int", family["active"]))
    if active not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
        raise ValueError("an active key that is not there, or a key of another size")
    return active, keys
