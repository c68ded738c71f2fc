"""Stamps that look like ours and are not: each is refused for what is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha384
from pathlib import Path

import pytest
from cryptography.hazmat import asn1
from cryptography.hazmat.asn1 import SetOf
from cryptography.x509 import ObjectIdentifier
from typing_extensions import override

from services.registry.reconciliation import stamp_structures as tsp
from services.registry.reconciliation.check_stamp import Asked, UnfitStampError, check_stamp
from services.registry.reconciliation.own_authority import VALID_FROM, VALID_UNTIL, OwnAuthority
from services.registry.reconciliation.remote_authority import read_roots
from shared.sealing.keyring import new_key_ring
from tests.registry.reconciliation.days import NOW

DIGEST = sha384(b"a file").digest()
PLAIN_DATA = ObjectIdentifier("1.2.840.113549.1.7.1")
MD5 = ObjectIdentifier("1.2.840.113549.2.5")


@dataclass
class Careless(OwnAuthority):
    """An authority that signs other attributes than it should, under a good certificate."""

    change: Callable[[list[tsp.Attribute]], list[tsp.Attribute]]

    def __post_init__(self) -> None:
        super().__init__(new_key_ring())

    @override
    def _attributes(self, info: bytes) -> list[tsp.Attribute]:
        return self.change(super()._attributes(info))


def attribute(kind: ObjectIdentifier, value: bytes) -> tsp.Attribute:
    return tsp.Attribute(type=kind, values=SetOf([tsp.element(value)]))


def without_certificate(attributes: list[tsp.Attribute]) -> list[tsp.Attribute]:
    return attributes[:2]


def of_no_kind(attributes: list[tsp.Attribute]) -> list[tsp.Attribute]:
    return attributes[1:]


def of_another_kind(attributes: list[tsp.Attribute]) -> list[tsp.Attribute]:
    return [attribute(tsp.CONTENT_TYPE, asn1.encode_der(PLAIN_DATA)), *attributes[1:]]


def of_another_content(attributes: list[tsp.Attribute]) -> list[tsp.Attribute]:
    other = attribute(tsp.MESSAGE_DIGEST, asn1.encode_der(sha384(b"").digest()))
    return [attributes[0], other, attributes[2]]


async def check(
    authority: OwnAuthority,
    folder: Path,
    *,
    spoil: Callable[[tsp.TimeStampResponse], None] = lambda _: None,
    now: datetime = NOW,
) -> None:
    """Stamp, spoil, and look at it as at the answer of somebody else."""
    (folder / "ca.pem").write_bytes(authority.root_pem)
    stamp = asn1.decode_der(tsp.TimeStampResponse, await authority.stamp(DIGEST, now=now))
    spoil(stamp)
    check_stamp(asn1.encode_der(stamp), Asked(DIGEST, None, now), read_roots(folder / "ca.pem"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (without_certificate, "does not say which certificate"),
        (of_no_kind, "not a time stamp that we can read"),
        (of_another_kind, "something else than a time stamp"),
        (of_another_content, "content was changed"),
    ],
)
async def test_what_is_signed_must_fit(
    tmp_path: Path, change: Callable[[list[tsp.Attribute]], list[tsp.Attribute]], why: str
) -> None:
    with pytest.raises(UnfitStampError, match=why):
        await check(Careless(change), tmp_path)


def as_plain_data(stamp: tsp.TimeStampResponse) -> None:
    assert stamp.token is not None
    stamp.token.type = PLAIN_DATA


def signed_twice(stamp: tsp.TimeStampResponse) -> None:
    assert stamp.token is not None
    (signer,) = stamp.token.content.signers.as_list()
    stamp.token.content.signers = SetOf([signer, signer])


def with_another_hash(stamp: tsp.TimeStampResponse) -> None:
    assert stamp.token is not None
    (signer,) = stamp.token.content.signers.as_list()
    signer.digest_algorithm = [tsp.element(asn1.encode_der(MD5))]
    stamp.token.content.signers = SetOf([signer])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (as_plain_data, "not a time stamp token"),
        (signed_twice, "2 signatures"),
        (with_another_hash, "not one that we use"),
    ],
)
async def test_what_is_around_it_must_fit(
    tmp_path: Path, spoil: Callable[[tsp.TimeStampResponse], None], why: str
) -> None:
    with pytest.raises(UnfitStampError, match=why):
        await check(OwnAuthority(new_key_ring()), tmp_path, spoil=spoil)


@pytest.mark.parametrize(
    "now", [VALID_FROM - timedelta(days=1), VALID_UNTIL + timedelta(days=1)], ids=str
)
async def test_a_certificate_holds_for_its_time(tmp_path: Path, now: datetime) -> None:
    with pytest.raises(UnfitStampError, match="expired"):
        await check(OwnAuthority(new_key_ring()), tmp_path, now=now)
