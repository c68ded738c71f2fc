"""The time stamp of a file, verified as anybody would: with `openssl ts -verify`."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha384
from pathlib import Path

import pytest
from cryptography.hazmat import asn1

from services.registry.reconciliation import stamp_structures as tsp
from services.registry.reconciliation.check_stamp import Asked, UnfitStampError, check_stamp
from services.registry.reconciliation.make_reports import ReportMaker
from services.registry.reconciliation.own_authority import OwnAuthority
from services.registry.reconciliation.remote_authority import read_roots
from shared.sealing.keyring import new_key_ring
from tests.registry.doors import Town
from tests.registry.reconciliation.days import NOW, Reports, days_ago, make, moment, phones, put

YESTERDAY = days_ago(1)
OPENSSL = shutil.which("openssl")


@dataclass(frozen=True)
class Stamped:
    """A file, its time stamp and the certificate, as three files on disk."""

    file: Path
    stamp: Path
    certificate: Path

    def verified_by_openssl(self) -> bool:
        assert OPENSSL is not None
        done = subprocess.run(
            [
                *(OPENSSL, "ts", "-verify", "-data", str(self.file), "-in", str(self.stamp)),
                *("-CAfile", str(self.certificate)),
            ],
            check=False,
            capture_output=True,
        )
        return done.returncode == 0

    def verified_by_us(self) -> bool:
        """Ask the check that answers of other authorities go through; our own has no nonce."""
        asked = Asked(sha384(self.file.read_bytes()).digest(), None, NOW)
        try:
            check_stamp(self.stamp.read_bytes(), asked, read_roots(self.certificate))
        except UnfitStampError:
            return False
        return True


@pytest.fixture
async def stamped(town: Town, maker: ReportMaker, reports: Reports, tmp_path: Path) -> Stamped:
    """Fetch everything over HTTP, as a provider does."""
    await put(town, reports.brand_code, moment(YESTERDAY, hours=1), phones(40))
    await make(town, maker)
    found = Stamped(*(tmp_path / name for name in ("day.csv", "day.tsr", "tsa-ca.pem")))
    answer = await reports.stamp(YESTERDAY)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain")
    name = f"{reports.brand_code}-{YESTERDAY}.tsr"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    found.stamp.write_bytes(answer.content)
    found.file.write_bytes((await reports.file(YESTERDAY)).content)
    certificate = await town.get("/accounts/tsa/certificate", who=None)
    assert certificate.headers["content-type"] == "application/x-pem-file"
    found.certificate.write_bytes(certificate.content)
    return found


@pytest.mark.skipif(
    OPENSSL is None, reason="openssl is not installed; the check of ours still runs"
)
async def test_openssl_accepts_the_file_and_refuses_one_changed_byte(stamped: Stamped) -> None:
    assert stamped.verified_by_openssl()
    content = bytearray(stamped.file.read_bytes())
    for at in (0, len(content) // 2, len(content) - 1):
        content[at] ^= 1
        stamped.file.write_bytes(content)
        assert not stamped.verified_by_openssl()
        content[at] ^= 1
    stamped.file.write_bytes(content)
    assert stamped.verified_by_openssl()


@pytest.mark.skipif(
    OPENSSL is None, reason="openssl is not installed; the check of ours still runs"
)
async def test_openssl_refuses_another_installation_s_certificate(stamped: Stamped) -> None:
    stamped.certificate.write_bytes(OwnAuthority(new_key_ring()).root_pem)
    assert not stamped.verified_by_openssl()
    assert not stamped.verified_by_us()


async def test_our_own_check_agrees_with_openssl(stamped: Stamped) -> None:
    assert stamped.verified_by_us()
    content = bytearray(stamped.file.read_bytes())
    content[7] ^= 1
    stamped.file.write_bytes(content)
    assert not stamped.verified_by_us()


def opened(stamp: bytes) -> tuple[bytes, bytes]:
    """Return what a stamp says, and its signature, as they are encoded in it."""
    response = asn1.decode_der(tsp.TimeStampResponse, stamp)
    assert response.token is not None
    signed = response.token.content
    return signed.content.content, signed.signers.as_list()[0].signature


async def test_nothing_of_what_a_stamp_says_can_be_changed_unseen(stamped: Stamped) -> None:
    whole = stamped.stamp.read_bytes()
    for part in opened(whole):
        begin = whole.index(part)
        for at in range(begin, begin + len(part)):
            stamped.stamp.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert not stamped.verified_by_us(), at


async def test_a_stamp_says_when_and_what(stamped: Stamped) -> None:
    said, _ = opened(stamped.stamp.read_bytes())
    info = asn1.decode_der(tsp.TimeStampInfo, said)
    assert info.message_imprint.hashed_message == sha384(stamped.file.read_bytes()).digest()
    assert abs(info.generated_at.as_datetime() - NOW) < timedelta(seconds=1)


def test_every_process_with_the_key_file_is_the_same_authority() -> None:
    ring = new_key_ring()
    assert OwnAuthority(ring).root_pem == OwnAuthority(ring).root_pem
    assert OwnAuthority(ring).root_pem != OwnAuthority(new_key_ring()).root_pem


async def test_a_new_sealing_key_brings_a_new_root_and_keeps_the_old_one(tmp_path: Path) -> None:
    ring = new_key_ring()
    digest = sha384(b"file").digest()
    before = OwnAuthority(ring)
    after = OwnAuthority(ring.with_new_sealing_key())
    (tmp_path / "ca.pem").write_bytes(after.root_pem)
    roots = read_roots(tmp_path / "ca.pem")
    assert len(roots) == 2
    for authority in (before, after):
        stamp = await authority.stamp(digest, now=NOW)
        check_stamp(stamp, Asked(digest, None, NOW), roots)
    with pytest.raises(UnfitStampError):
        check_stamp(await after.stamp(digest, now=NOW), Asked(digest, None, NOW), roots[1:])
