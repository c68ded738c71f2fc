"""The key file: private, whole, never overwritten by accident; and what is said when it is not one."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared.auth.tokens import TokenIssuer, TokenRefusedError
from shared.ledger.directory import UserRow
from shared.sealing.addresses import Digester
from shared.sealing.keyring import (
    KeyFileError,
    KeyRing,
    create_key_file,
    new_key_ring,
    read_key_file,
    write_key_file,
)
from tests.support.builders import NOW

USER = UserRow(
    user_id=1,
    username="test",
    secret_hash="",
    role="admin",
    iys_code=None,
    integrator_code=None,
    operator_code=None,
    epoch=0,
    active=True,
    licence_valid_until=None,
    every_brand=False,
    brands=frozenset(),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "keys.json"


def _document(path: Path) -> dict[str, Any]:
    create_key_file(path)
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def _same(one: KeyRing, other: KeyRing) -> bool:
    return (
        (one.digest_key_id, one.digest_keys) == (other.digest_key_id, other.digest_keys)
        and (one.sealing_key_id, one.sealing_keys) == (other.sealing_key_id, other.sealing_keys)
        and one.token_public == other.token_public
    )


def test_what_is_written_is_read(path: Path) -> None:
    ring = create_key_file(path)
    assert _same(read_key_file(path), ring)
    grown = ring.with_new_digest_key().with_new_sealing_key()
    write_key_file(path, grown)
    assert _same(read_key_file(path), grown)
    assert (grown.digest_key_id, set(grown.digest_keys)) == (2, {1, 2})


def test_the_file_is_its_owners_alone(path: Path) -> None:
    create_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    write_key_file(path, new_key_ring())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_keys_are_never_overwritten_by_new_ones(path: Path) -> None:
    ring = create_key_file(path)
    with pytest.raises(FileExistsError):
        create_key_file(path)
    assert _same(read_key_file(path), ring)


def test_of_many_who_make_the_file_at_once_one_succeeds(path: Path) -> None:
    """Two first starts: if the second replaced the keys, what the first wrote could not be read."""

    def make(_n: int) -> KeyRing | None:
        try:
            return create_key_file(path)
        except FileExistsError:
            return None

    with ThreadPoolExecutor(16) as threads:
        made = [ring for ring in threads.map(make, range(16)) if ring is not None]
    assert len(made) == 1
    assert _same(read_key_file(path), made[0])


def test_nothing_is_left_beside_the_file(path: Path) -> None:
    create_key_file(path)
    with pytest.raises(FileExistsError):
        create_key_file(path)
    write_key_file(path, new_key_ring())
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"]


def test_a_write_that_fails_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = create_key_file(path)

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        write_key_file(path, new_key_ring())
    assert _same(read_key_file(path), ring)
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"]


def test_a_missing_file_says_how_to_make_one(path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"no key file at .*keys\.json: .*izin keys new"):
        read_key_file(path)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read: Is a directory"):
        read_key_file(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"null", b"42", b"{}", b"\xff\xfe", b'"keys"'),
        *(b'{"digest": 1, "token_public": ""}', b'{"digest": {}, "token_public": "00"}'),
    ],
)
def test_a_garbled_file_is_called_that(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match="is not a key file of izin"):
        read_key_file(path)


@pytest.mark.parametrize(
    ("family", "broken"),
    [
        ("digest", {"active": 1, "keys": {"1": ""}}),
        ("digest", {"active": 1, "keys": {"1": "00ff"}}),
        ("digest", {"active": 2, "keys": {"1": "00" * 32}}),
        ("digest", {"active": 1, "keys": {}}),
        ("digest", {"active": 1, "keys": {"one": "00" * 32}}),
        ("sealing", {"active": 1, "keys": {"1": "00" * 31}}),
        ("sealing", {"active": 2, "keys": {"1": "00" * 32}}),
    ],
)
def test_keys_that_would_not_protect_anything_are_refused(
    path: Path, family: str, broken: dict[str, object]
) -> None:
    """An empty key digests without a key, and an active one that is missing fails much later."""
    path.write_text(json.dumps({**_document(path), family: broken}))
    with pytest.raises(KeyFileError, match="is not a key file of izin"):
        read_key_file(path)


def test_the_message_about_a_file_holds_none_of_its_secrets(path: Path) -> None:
    document = _document(path)
    secret = document["digest"]["keys"]["1"]
    path.write_text(json.dumps({**document, "token_public": "zz"}))
    with pytest.raises(KeyFileError) as garbled:
        read_key_file(path)
    assert secret not in str(garbled.value)
    assert garbled.value.__suppress_context__


def test_a_checker_needs_neither_sealing_nor_private_keys(path: Path) -> None:
    document = _document(path)
    full = read_key_file(path)
    del document["sealing"], document["token_private"]
    path.write_text(json.dumps(document))
    ring = read_key_file(path)
    assert (ring.sealing_keys, ring.token_private) == ({}, None)
    assert Digester(ring).digest("+905990000001") == Digester(full).digest("+905990000001")
    token = TokenIssuer(full).access_token(USER, now=NOW, title=None, brands=[])
    assert TokenIssuer(ring).read_access(token, now=NOW).user_id == USER.user_id
    with pytest.raises(TokenRefusedError, match="no key to sign with"):
        TokenIssuer(ring).access_token(USER, now=NOW, title=None, brands=[])


def test_a_ring_does_not_show_its_keys(path: Path) -> None:
    ring = create_key_file(path)
    assert ring.digest_keys[1].hex() not in repr(ring)
    assert repr(ring.digest_keys[1]) not in repr(ring)
