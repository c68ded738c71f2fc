"""Under which user PostgreSQL runs, since it refuses to run as root.

The data directory may lie below a directory that only root can enter (/root, `mktemp -d`), nobody's
permissions may be loosened and no user may be added to the machine. So, as root, in this order:

1. namespace: a user namespace that shows user id 0 as `nobody`. Files stay root's, capabilities are
   lost. Fails where the kernel or a container forbids user namespaces, or where the way to the data
   directory belongs to somebody else and is closed.
2. drop: the cluster's own directory is given to `nobody`, who keeps only the right to pass closed
   directories.

Each is tried with the real program and the real paths, so the choice never rests on a guess about
the machine. An ordinary user stays who he is; one without an entry in the user database (`docker
run --user 12345`) needs the namespace too, because initdb insists on a user name.
"""

import os
import pwd
import sys
from collections.abc import Iterator
from pathlib import Path

from services.cli.embedded.child import AS_WE_ARE, Identity, run_once
from services.cli.errors import CliError

USUAL_NAMES = ("nobody", "postgres", "daemon")


def choose_identity(program: Path, *, owned: Path, reach: tuple[Path, ...]) -> Identity:
    """Return the first identity under which `program` runs, reaches `reach` and owns `owned`.

    `owned` is a directory whose content must belong to the server; it is handed over if need be.
    """
    refusals: list[str] = []
    for identity in _candidates():
        try:
            _hand_over(owned, identity)
        except PermissionError as error:  # root in name only: a container without capabilities
            refusals.append(f"{identity.kind}: {error.strerror}")
            continue
        probe = run_once(
            (str(program), "--version"), identity=identity, reach=(owned, *reach), timeout_s=20
        )
        if probe.returncode == 0:
            return identity
        refusals.append(f"{identity.kind}: {probe.stdout.strip() or probe.returncode}")
    raise CliError(
        "PostgreSQL does not run as this user and nothing else was possible "
        f"({'; '.join(refusals)}); start izin as an ordinary user, set IZIN_DATA_DIR to a "
        "directory that every user can enter, or set IZIN_POSTGRES_DSN"
    )


def _candidates() -> Iterator[Identity]:
    root = os.geteuid() == 0
    if not root and _has_name(os.geteuid()):
        yield AS_WE_ARE
        return
    other = _ordinary_user()
    if sys.platform == "linux":
        yield Identity("namespace", other.pw_uid, other.pw_gid)
    if root:
        yield Identity("drop", other.pw_uid, other.pw_gid)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _ordinary_user() -> pwd.struct_passwd:
    users = {user.pw_name: user for user in pwd.getpwall() if user.pw_uid != 0}
    for name in (*USUAL_NAMES, *users):
        if name in users:
            return users[name]
    raise CliError("this machine knows no user but root; set IZIN_POSTGRES_DSN")


def _hand_over(directory: Path, identity: Identity) -> None:
    """Give the directory to the user that will be its owner from outside the namespace."""
    if os.geteuid() != 0:
        return
    uid, gid = (identity.uid, identity.gid) if identity.kind == "drop" else (0, 0)
    if directory.stat().st_uid == uid:
        return
    for folder, _, files in os.walk(directory):
        for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118  # os.walk speaks str
            os.chown(path, uid, gid, follow_symlinks=False)
