"""Papers open with their key, at their place, and nowhere else."""

import pytest

from shared.sealing.addresses import SealBrokenError
from shared.sealing.keyring import new_key_ring
from shared.sealing.papers import NETWORK_DIGEST_BYTES, PaperSealer

RING = new_key_ring()
PAPERS = PaperSealer(RING)


@pytest.mark.parametrize("content", [b"", b"%PDF-", b"x" * 100_000])
def test_what_was_sealed_opens_again(content: bytes) -> None:
    sealed = PAPERS.seal(content, belongs_to="document 1 of B000000001")
    assert content == b"" or content not in sealed
    opened = PAPERS.open(sealed, belongs_to="document 1 of B000000001", key_id=PAPERS.key_id)
    assert opened == content


def test_it_opens_nowhere_else() -> None:
    sealed = PAPERS.seal(b"%PDF-", belongs_to="document 1 of B000000001")
    others = [
        (PAPERS, sealed, "document 2 of B000000001", PAPERS.key_id),
        (PAPERS, sealed[:-1], "document 1 of B000000001", PAPERS.key_id),
        (PAPERS, sealed, "document 1 of B000000001", PAPERS.key_id + 1),
        (PaperSealer(new_key_ring()), sealed, "document 1 of B000000001", PAPERS.key_id),
    ]
    for papers, content, place, key_id in others:
        with pytest.raises(SealBrokenError):
            papers.open(content, belongs_to=place, key_id=key_id)


def test_an_older_key_still_opens() -> None:
    sealed = PAPERS.seal(b"%PDF-", belongs_to="x")
    later = PaperSealer(RING.with_new_sealing_key())
    assert later.key_id != PAPERS.key_id
    assert later.open(sealed, belongs_to="x", key_id=PAPERS.key_id) == b"%PDF-"
    assert later.seal(b"%PDF-", belongs_to="x") != sealed


def test_a_network_is_told_by_its_digest_and_only_with_the_key() -> None:
    one, other = PAPERS.network_digest("192.0.2.1"), PAPERS.network_digest("192.0.2.2")
    assert len(one) == NETWORK_DIGEST_BYTES
    assert one == PAPERS.network_digest("192.0.2.1") != other
    assert PaperSealer(new_key_ring()).network_digest("192.0.2.1") != one
