"""Files that are sealed in frames: appended to in any portions, read at any place, and torn by nobody."""

import random
import secrets
from pathlib import Path
from uuid import uuid4

import pytest

from shared.sealing.addresses import SealBrokenError
from shared.sealing.job_keys import SEAL_BYTES, JobKey, JobKeys
from shared.sealing.keyring import KeyRing, new_key_ring
from shared.sealing.sealed_file import FRAME_BYTES, SealedFile

STORED = FRAME_BYTES + SEAL_BYTES


@pytest.fixture
def job_key(key_ring: KeyRing) -> JobKey:
    return JobKeys(key_ring).new(uuid4())[0]


def test_what_was_appended_in_portions_is_read_whole(tmp_path: Path, job_key: JobKey) -> None:
    file = SealedFile(tmp_path / "content", job_key)
    content = secrets.token_bytes(3 * FRAME_BYTES + 17)
    assert file.size == 0
    at = 0
    for portion in (1, 5, FRAME_BYTES - 6, FRAME_BYTES + 1, 40_000, len(content)):
        file.append(content[at : at + portion])
        at = min(at + portion, len(content))
        assert file.size == at
    with file.open() as opened:
        assert opened.read() == content
    assert content[:32] not in (tmp_path / "content").read_bytes()


def test_it_is_read_at_any_place(tmp_path: Path, job_key: JobKey) -> None:
    file = SealedFile(tmp_path / "content", job_key)
    content = secrets.token_bytes(2 * FRAME_BYTES + 99)
    file.append(content)
    draw = random.Random(1)  # noqa: S311  # places, not secrets
    with file.open() as opened:
        for _ in range(50):
            place = draw.randrange(len(content) + 10)
            length = draw.choice((1, 100, FRAME_BYTES, 2 * FRAME_BYTES))
            opened.seek(place)
            assert opened.read(length) == content[place : place + length]


def test_what_a_writer_that_died_left_behind_is_written_over(
    tmp_path: Path, job_key: JobKey
) -> None:
    path = tmp_path / "content"
    file = SealedFile(path, job_key)
    file.append(b"a" * FRAME_BYTES)
    with path.open("ab") as torn:
        torn.write(b"half")
    assert file.size == FRAME_BYTES
    file.append(b"b" * 10)
    with file.open() as opened:
        assert opened.read() == b"a" * FRAME_BYTES + b"b" * 10


@pytest.mark.parametrize(
    "damage", ["a changed byte", "frames changed places", "another name", "another key"]
)
def test_damage_is_noticed(tmp_path: Path, job_key: JobKey, damage: str) -> None:
    path = tmp_path / "content"
    file = SealedFile(path, job_key)
    file.append(secrets.token_bytes(2 * FRAME_BYTES))
    stored = bytearray(path.read_bytes())
    if damage == "a changed byte":
        stored[1000] ^= 1
    elif damage == "frames changed places":
        stored = stored[STORED:] + stored[:STORED]
    path.write_bytes(stored)
    if damage == "another name":
        path = path.rename(tmp_path / "other")
        file = SealedFile(path, job_key)
    elif damage == "another key":
        file = SealedFile(path, JobKeys(new_key_ring()).new(uuid4())[0])
    with file.open() as opened, pytest.raises(SealBrokenError):
        opened.read()


def test_a_job_s_key_opens_for_its_job_alone(key_ring: KeyRing) -> None:
    keys, job = JobKeys(key_ring), uuid4()
    key, sealed = keys.new(job)
    again = keys.open(sealed, job_id=job, key_id=keys.key_id)
    assert again.open(key.seal(b"rows", name=b"batch"), name=b"batch") == b"rows"
    for other_job, key_id in ((uuid4(), keys.key_id), (job, 99)):
        with pytest.raises(SealBrokenError):
            keys.open(sealed, job_id=other_job, key_id=key_id)


def test_removing_is_no_fault_where_nothing_is(tmp_path: Path, job_key: JobKey) -> None:
    file = SealedFile(tmp_path / "content", job_key)
    file.append(b"x")
    file.remove()
    file.remove()
    assert file.size == 0
