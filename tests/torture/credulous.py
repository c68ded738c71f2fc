"""A check process that believes the cache whatever the ledger's head is: the negative control.

Everything else is the product's own: `python -m tests.torture.credulous` instead of
`python -m services.check`.
"""

from services.check import rounds
from services.check.__main__ import main
from shared.cache.layout import Watermark
from shared.ledger.read_heads import Head


def believes(watermark: Watermark, head: Head, digest_key_id: int) -> bool:
    """Say that the cache is fresh; it is asked only where there is a watermark at all."""
    return True


if __name__ == "__main__":
    rounds.agrees = believes
    main()
