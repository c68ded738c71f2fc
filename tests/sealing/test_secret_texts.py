"""Secrets open with their key, their purpose and in their place, and nowhere else."""

import pytest

from shared.sealing.addresses import SealBrokenError
from shared.sealing.keyring import KeyRing, new_key_ring
from shared.sealing.secret_texts import SecretSealer

SECRET, PLACE = b"the password of a receiver", b"brand 1"


def sealer(ring: KeyRing, purpose: str = "push") -> SecretSealer:
    return SecretSealer(ring, purpose=purpose)


def test_what_is_sealed_opens_again_also_after_a_new_key(key_ring: KeyRing) -> None:
    sealed = sealer(key_ring).seal(SECRET, place=PLACE)
    newer = sealer(key_ring.with_new_sealing_key())
    assert newer.open(sealed, place=PLACE, key_id=key_ring.sealing_key_id) == SECRET
    assert newer.key_id != key_ring.sealing_key_id


def test_equal_secrets_do_not_look_equal(key_ring: KeyRing) -> None:
    first, second = (sealer(key_ring).seal(SECRET, place=PLACE) for _ in range(2))
    assert first != second
    assert SECRET not in first


def test_everything_else_does_not_open(key_ring: KeyRing) -> None:
    sealed, key_id = sealer(key_ring).seal(SECRET, place=PLACE), key_ring.sealing_key_id
    good = sealer(key_ring)
    for broken, at, number, by in (
        (sealed, b"brand 2", key_id, good),
        (sealed, PLACE, key_id + 9, good),
        (sealed[:-1] + b"\0", PLACE, key_id, good),
        (b"", PLACE, key_id, good),
        (sealed, PLACE, key_id, sealer(key_ring, "another purpose")),
        (sealed, PLACE, key_id, sealer(new_key_ring())),
    ):
        with pytest.raises(SealBrokenError):
            by.open(broken, place=at, key_id=number)
