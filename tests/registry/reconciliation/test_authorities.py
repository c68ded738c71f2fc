"""Time stamps of somebody else's authority: asked for over HTTP, and believed only when all of it fits."""

import base64
import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha384
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from pydantic import SecretStr, ValidationError

from services.registry.reconciliation import own_authority
from services.registry.reconciliation import stamp_structures as tsp
from services.registry.reconciliation.authorities import open_authority, root_certificates
from services.registry.reconciliation.check_stamp import Asked, UnfitStampError, check_stamp
from services.registry.reconciliation.own_authority import OwnAuthority
from services.registry.reconciliation.remote_authority import (
    ANSWER_BYTES_MAX,
    AuthorityUnavailableError,
    open_remote_authority,
    read_roots,
)
from services.registry.settings import RegistrySettings
from shared.clock import utc_now
from shared.sealing.keyring import create_key_file, new_key_ring
from tests.registry.reconciliation.authority_server import (
    Answer,
    Authority,
    make_authority,
    serving,
)

DIGEST = sha384(b"a file").digest()
pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not installed: nobody else's stamps to read"
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tsa") / "rsa")


async def stamped(
    answer: Callable[[bytes], Answer], root: Path, *, after: timedelta = timedelta()
) -> bytes:
    """Ask a server that answers so."""
    with serving(answer) as served:
        async with open_remote_authority(served.url, root, timeout_s=2) as remote:
            return await remote.stamp(DIGEST, now=utc_now() + after)


@pytest.mark.parametrize(
    ("key", "ess"),
    [
        ("rsa:2048", "sha1"),
        ("rsa:2048", "sha512"),
        ("ec -pkeyopt ec_paramgen_curve:P-256", "sha256"),
    ],
)
async def test_stamps_of_other_authorities_are_read_and_verified(
    tmp_path: Path, key: str, ess: str
) -> None:
    authority = make_authority(tmp_path / "tsa", key=key, ess=ess)
    stamp = await stamped(authority.reply, authority.root)
    response = asn1.decode_der(tsp.TimeStampResponse, stamp)
    assert response.status.status == 0


async def test_the_signer_itself_may_be_what_is_trusted(authority: Authority) -> None:
    assert await stamped(authority.reply, authority.folder / "leaf.pem")


def asks_about(change: Callable[[tsp.TimeStampRequest], None]) -> Callable[[bytes], bytes]:
    """Return what an authority would have been asked after this change."""

    def changed(query: bytes) -> bytes:
        request = asn1.decode_der(tsp.TimeStampRequest, query)
        change(request)
        return asn1.encode_der(request)

    return changed


def another_nonce(request: tsp.TimeStampRequest) -> None:
    request.nonce += 1


def another_file(request: tsp.TimeStampRequest) -> None:
    request.message_imprint.hashed_message = sha384(b"another file").digest()


def no_certificate(request: tsp.TimeStampRequest) -> None:
    request.certificate_requested = False


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (another_nonce, "another question"),
        (another_file, "another file"),
        (no_certificate, "the certificate that it was signed with is not in it"),
    ],
)
async def test_an_answer_to_something_else_is_refused(
    authority: Authority, change: Callable[[tsp.TimeStampRequest], None], why: str
) -> None:
    asked = asks_about(change)
    with pytest.raises(UnfitStampError, match=why):
        await stamped(lambda query: authority.reply(asked(query)), authority.root)


async def test_a_changed_signature_is_refused(authority: Authority) -> None:
    def reply(query: bytes) -> Answer:
        status, answer = authority.reply(query)
        return status, answer[:-1] + bytes([answer[-1] ^ 1])

    with pytest.raises(UnfitStampError, match="signature is wrong"):
        await stamped(reply, authority.root)


async def test_an_authority_that_nobody_vouches_for_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    stranger = make_authority(tmp_path / "stranger")
    with pytest.raises(UnfitStampError, match="nobody whom we trust"):
        await stamped(stranger.reply, authority.root)


async def test_a_certificate_that_might_be_for_other_things_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its purpose is time stamps, but not critically so: no authority of others would be set up like that."""
    certificate = own_authority._certificate

    def careless(subject: Any, issuer: Any, extensions: list[Any]) -> x509.Certificate:
        loose = [(one, not isinstance(one, x509.ExtendedKeyUsage)) for one, _ in extensions]
        return certificate(subject, issuer, loose)

    monkeypatch.setattr(own_authority, "_certificate", careless)
    authority = OwnAuthority(new_key_ring())
    (tmp_path / "ca.pem").write_bytes(authority.root_pem)
    stamp = await authority.stamp(DIGEST, now=utc_now())
    with pytest.raises(UnfitStampError, match="not for time stamps"):
        check_stamp(stamp, Asked(DIGEST, None, utc_now()), read_roots(tmp_path / "ca.pem"))


@pytest.mark.parametrize("after", [timedelta(minutes=11), timedelta(minutes=-11)])
async def test_an_authority_with_another_time_is_refused(
    authority: Authority, after: timedelta
) -> None:
    with pytest.raises(UnfitStampError, match="clock"):
        await stamped(authority.reply, authority.root, after=after)


@pytest.mark.parametrize("answer", [b"", b"no", b"\x30\x80", b"\x30\x03\x02\x01\x00"], ids=repr)
async def test_what_is_no_time_stamp_is_refused(authority: Authority, answer: bytes) -> None:
    with pytest.raises(UnfitStampError):
        await stamped(lambda _: (200, answer), authority.root)


async def test_a_refusal_is_told(authority: Authority) -> None:
    refused = asn1.encode_der(
        tsp.TimeStampResponse(status=tsp.Status(status=2, texts=None, failure=None), token=None)
    )
    with pytest.raises(UnfitStampError, match="refused, with status 2"):
        await stamped(lambda _: (200, refused), authority.root)


async def test_an_endless_answer_is_cut(authority: Authority) -> None:
    with pytest.raises(UnfitStampError, match="too long"):
        await stamped(lambda _: (200, b"x" * (ANSWER_BYTES_MAX + 1)), authority.root)


@pytest.mark.parametrize("status", [301, 307, 401, 404, 500, 503])
async def test_any_other_status_is_no_answer(authority: Authority, status: int) -> None:
    with pytest.raises(AuthorityUnavailableError, match=str(status)):
        await stamped(lambda _: (status, b"x"), authority.root)


async def test_an_authority_that_hangs_is_given_up(authority: Authority) -> None:
    done = threading.Event()

    def hang(_: bytes) -> Answer:
        done.wait(5)
        return 200, b""

    with serving(hang) as served:
        async with open_remote_authority(served.url, authority.root, timeout_s=0.1) as remote:
            with pytest.raises(AuthorityUnavailableError, match="ReadTimeout"):
                await remote.stamp(DIGEST, now=utc_now())
        done.set()


async def test_an_authority_that_is_not_there_is_told(authority: Authority) -> None:
    with serving(authority.reply) as served:
        pass
    async with open_remote_authority(served.url, authority.root, timeout_s=2) as remote:
        with pytest.raises(AuthorityUnavailableError, match="ConnectError"):
            await remote.stamp(DIGEST, now=utc_now())


def settings(folder: Path, **given: object) -> RegistrySettings:
    common: dict[str, object] = {"postgres_dsn": "postgresql:///none", "keys_file": folder / "keys"}
    return RegistrySettings.model_validate({**common, **given})


async def test_the_settings_choose_the_authority(authority: Authority, tmp_path: Path) -> None:
    create_key_file(tmp_path / "keys")
    async with open_authority(settings(tmp_path, tsa_url="", tsa_ca_file="")) as own:
        assert isinstance(own, OwnAuthority)
        assert root_certificates(settings(tmp_path)) == own.root_pem
    with serving(authority.reply) as served:
        url = served.url.replace("//", "//tsa-user:tsa-word@")
        chosen = settings(tmp_path, tsa_url=SecretStr(url), tsa_ca_file=authority.root)
        async with open_authority(chosen) as other:
            assert await other.stamp(DIGEST, now=utc_now())
        expected = "Basic " + base64.b64encode(b"tsa-user:tsa-word").decode()
        assert served.headers[0]["Authorization"] == expected
        assert served.headers[0]["Content-Type"] == "application/timestamp-query"
    assert root_certificates(chosen) == authority.root.read_bytes()


def test_an_authority_that_could_not_be_verified_is_no_setting(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="needed with IZIN_TSA_URL"):
        settings(tmp_path, tsa_url="http://tsa.example")
