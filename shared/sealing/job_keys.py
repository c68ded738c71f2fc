"""A key for each job: everything made of one upload is sealed with it, and goes when it goes.

The key is random and is itself sealed by the key file's sealing key (AES-GCM, NIST SP 800-38D). Deleting the
sealed key makes every copy of the content unreadable, backups too (design 4).
"""

import secrets
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.sealing.addresses import SealBrokenError
from shared.sealing.keyring import KEY_BYTES, KeyRing, derive

NONCE_BYTES = 12
SEAL_BYTES = NONCE_BYTES + 16
"""By so much is the sealed content longer."""


@dataclass(frozen=True, slots=True)
class JobKey:
    """The key of one job. Whatever is sealed has a name, so that two of them cannot change places."""

    _cipher: AESGCM

    def seal(self, content: bytes, *, name: bytes) -> bytes:
        """Return the sealed content, `SEAL_BYTES` longer than it was."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, name)

    def open(self, sealed: bytes, *, name: bytes) -> bytes:
        """Return the content; raises SealBrokenError."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name)
        except (InvalidTag, ValueError):
            raise SealBrokenError("not sealed with this job's key, or under another name") from None


class JobKeys:
    """Makes keys of jobs, and opens them again. Stateless between calls."""

    def __init__(self, ring: KeyRing) -> None:
        self.key_id = ring.sealing_key_id
        self._wrapping = {
            key_id: AESGCM(derive(root, b"izin key of a job", KEY_BYTES))
            for key_id, root in ring.sealing_keys.items()
        }

    def new(self, job_id: UUID) -> tuple[JobKey, bytes]:
        """Return a fresh key, and its sealed form to be kept beside `key_id`."""
        raw, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._wrapping[self.key_id].encrypt(nonce, raw, job_id.bytes)
        return JobKey(AESGCM(raw)), sealed

    def open(self, sealed: bytes, *, job_id: UUID, key_id: int) -> JobKey:
        """Return the key of a job; raises SealBrokenError."""
        try:
            raw = self._wrapping[key_id].decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], job_id.bytes
            )
        except (InvalidTag, ValueError, KeyError):
            raise SealBrokenError(f"the key of job {job_id} does not open") from None
        return JobKey(AESGCM(raw))
