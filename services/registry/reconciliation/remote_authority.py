"""A time-stamping authority that others run: asked over HTTP, and believed when its answer is verified."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx
from cryptography import x509
from cryptography.hazmat import asn1

from services.registry.reconciliation import stamp_structures as tsp
from services.registry.reconciliation.check_stamp import Asked, UnfitStampError, check_stamp

ANSWER_BYTES_MAX: Final = 64 * 1024
_NONCE_BITS: Final = 63
_SHA384: Final = tsp.element(asn1.encode_der(tsp.SHA384))
_HTTP_OK: Final = 200


class AuthorityUnavailableError(Exception):
    """The authority did not answer, or not with a time stamp; the message holds no credentials."""


class RemoteAuthority:
    """Asks one authority; give it a client that follows no redirect."""

    def __init__(self, client: httpx.AsyncClient, url: str, roots: list[x509.Certificate]) -> None:
        self._client = client
        self._url = url
        self._roots = roots

    async def stamp(self, file_hash: bytes, *, now: datetime) -> bytes:
        """Return the `.tsr` file for a SHA-384 hash, verified.

        Raises AuthorityUnavailableError and UnfitStampError; either may go better next time.
        """
        nonce = secrets.randbits(_NONCE_BITS)
        question = tsp.TimeStampRequest(
            version=1,
            message_imprint=tsp.MessageImprint(hash_algorithm=[_SHA384], hashed_message=file_hash),
            nonce=nonce,
            certificate_requested=True,
        )
        answer = await self._ask(asn1.encode_der(question))
        check_stamp(answer, Asked(file_hash, nonce, now), self._roots)
        return answer

    async def _ask(self, question: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query"}
        try:
            async with self._client.stream(
                "POST", self._url, content=question, headers=headers
            ) as response:
                if response.status_code != _HTTP_OK:
                    raise AuthorityUnavailableError(f"status {response.status_code}")
                answer = b""
                async for part in response.aiter_bytes():
                    answer += part
                    if len(answer) > ANSWER_BYTES_MAX:
                        raise UnfitStampError("the answer is far too long")
                return answer
        except httpx.HTTPError as error:
            raise AuthorityUnavailableError(type(error).__name__) from None


@asynccontextmanager
async def open_remote_authority(
    url: str, ca_file: Path, *, timeout_s: float
) -> AsyncGenerator[RemoteAuthority]:
    """Open a client for the authority; credentials in the URL are sent as HTTP Basic.

    Raises ValueError when the file holds no certificates, OSError when it cannot be read.
    """
    roots = read_roots(ca_file)
    async with httpx.AsyncClient(timeout=timeout_s, trust_env=False) as client:
        yield RemoteAuthority(client, url, roots)


def read_roots(ca_file: Path) -> list[x509.Certificate]:
    """Read the certificates that are trusted to stamp, or to say who may."""
    return x509.load_pem_x509_certificates(ca_file.read_bytes())
