"""The few calls that the command line makes into ledger and keys, one thin function each.

They are imported when called: `izin --help` need not load the database driver.
"""
# ruff: noqa: PLC0415  # see above

import asyncio
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from services.cli.errors import CliError


@dataclass(frozen=True, slots=True)
class Finding:
    """What `verify` says: whether the ledger is sound, and what was looked at."""

    intact: bool
    facts: dict[str, object]


@dataclass(frozen=True, slots=True)
class FirstUser:
    """A user that must exist before anybody can create users over HTTP."""

    username: str
    password: str
    role: Literal["admin", "ministry"]


def migrate(dsn: str) -> list[str]:
    """Bring the database up to date; return the names of the migrations that were applied now."""
    from shared.ledger.migrate import migrate as apply_migrations

    with _readable_failures():
        return asyncio.run(apply_migrations(dsn))


def verify(dsn: str) -> Finding:
    """Recompute the derived state from the movements and compare."""
    from shared.ledger.verify import verify as verify_ledger

    with _readable_failures():
        report = asyncio.run(verify_ledger(dsn))
    facts: dict[str, object] = {
        "brands": report.brands,
        "movements": report.movements,
        "consents": report.consents,
        "differences": report.differences,
    }
    return Finding(intact=not report.differences, facts=facts)


def rekey(dsn: str, keys_file: Path) -> int:
    """Digest every address with a new key; return how many addresses there are.

    The key file holds old and new key before the ledger changes. Where it already holds a newer key
    than the ledger uses, an earlier attempt was interrupted, and that key is used.
    """
    from shared.ledger.rekey import active_digest_key
    from shared.ledger.rekey import rekey as rekey_ledger
    from shared.sealing.keyring import read_key_file, write_key_file

    with _readable_failures():
        ring = read_key_file(keys_file)
        if asyncio.run(active_digest_key(dsn)) == ring.digest_key_id:
            ring = ring.with_new_digest_key()
            write_key_file(keys_file, ring)
        return asyncio.run(
            rekey_ledger(dsn, ring, new_key_id=ring.digest_key_id, progress=_show_progress)
        )


def _show_progress(stage: str, done: int, total: int) -> None:
    print(f"izin: {stage} {done} of {total}", file=sys.stderr)


@contextmanager
def _readable_failures() -> Generator[None]:
    """Turn what ledger and keys are known to raise into one line for a person."""
    from shared.ledger.failures import LedgerUnavailableError
    from shared.ledger.migrate import SchemaMismatchError
    from shared.ledger.rekey import RekeyRefusedError
    from shared.sealing.addresses import SealBrokenError
    from shared.sealing.keyring import KeyFileError

    try:
        yield
    except (SchemaMismatchError, KeyFileError) as error:
        raise CliError(str(error)) from None
    except (RekeyRefusedError, SealBrokenError) as error:
        raise CliError(f"nothing was changed: {error}; run `izin ledger verify`") from None
    except (LedgerUnavailableError, OSError) as error:
        raise CliError(
            f"the database cannot be used ({error}); check IZIN_POSTGRES_DSN and that it runs"
        ) from None


def create_keys(path: Path) -> None:
    """Write a new key file; one that exists is never touched."""
    from shared.sealing.keyring import create_key_file

    try:
        create_key_file(path)
    except FileExistsError:
        raise CliError(
            f"{path} exists already and stays as it is, for without its keys the ledger cannot be "
            "read; give another path"
        ) from None
    except OSError as error:
        raise CliError(f"{path} cannot be written ({error.strerror}); give another path") from None


def bootstrap(dsn: str, users: Sequence[FirstUser]) -> None:
    """Create the first users in the database itself: over HTTP only an admin creates users.

    Must be repeatable: a user that exists already gets the password given here (an interrupted
    first start calls this again with new passwords). The password is hashed before it is stored;
    neither it nor the hash may be logged.
    """
    from shared.auth.passwords import hash_secret
    from shared.ledger.accounts import NewUser
    from shared.ledger.bootstrap import put_first_users

    rows = [NewUser(user.username, hash_secret(user.password), user.role) for user in users]
    with _readable_failures():
        asyncio.run(put_first_users(dsn, rows))
