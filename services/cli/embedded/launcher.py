"""Turn this process into a server that dies with its parent and is not root by its own view.

A script, not a module: it is run by path with `python -I -S`, imports only the standard library,
and ends in `exec`, so a server's process id is the one that its parent was given. It does three
things in an order that matters: take the identity, ask for a signal when the parent dies (a change
of identity would clear that request), and check that the paths it was told about can be reached
under the new identity.

PostgreSQL refuses to run as user id 0. The identities, see `identity.py` for the choice:

self       stay who we are.
namespace  a user namespace in which our own user id is shown as `uid`. The files keep their owner,
           no privilege is gained, and every capability is lost on exec.
drop       become `uid` and keep only the right to pass closed directories (CAP_DAC_OVERRIDE), since
           the data directory may lie below one that only root can enter.
"""

import argparse
import ctypes
import os
import signal
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
UNREACHABLE = 78
PARENT_GONE = 79


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def main() -> None:
    """Take the identity, arrange to die with the parent, become the command."""
    options = _arguments()
    libc = ctypes.CDLL(None, use_errno=True)
    if options.identity == "namespace":
        _enter_namespace(libc, options.uid, options.gid)
    elif options.identity == "drop":
        _drop(libc, options.uid, options.gid)
    if sys.platform == "linux":
        _check(libc.prctl(PR_SET_PDEATHSIG, options.death_signal, 0, 0, 0), "prctl")
    if os.getppid() != options.parent:
        sys.exit(PARENT_GONE)  # it died before we asked for the signal
    for path in options.reach:
        if not os.access(
            path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids
        ):
            _refuse(f"{path} cannot be reached as this user")
    os.umask(0o077)
    os.execv(options.command[0], options.command)  # noqa: S606  # no shell is the point


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death-signal", type=int, default=signal.SIGKILL)
    parser.add_argument("--identity", choices=("self", "namespace", "drop"), default="self")
    parser.add_argument("--uid", type=int, default=0)
    parser.add_argument("--gid", type=int, default=0)
    parser.add_argument("--reach", action="append", default=[])
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def _enter_namespace(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _check(libc.unshare(CLONE_NEWUSER), "unshare")
    _write("/proc/self/uid_map", f"{uid} {outer_uid} 1")
    _write(
        "/proc/self/setgroups", "deny"
    )  # the kernel asks for this before an unprivileged gid_map
    _write("/proc/self/gid_map", f"{gid} {outer_gid} 1")


def _drop(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    linux = sys.platform == "linux"
    if linux:
        _check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl")
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if linux:
        _keep_only_dac_override(libc)


def _keep_only_dac_override(libc: ctypes.CDLL) -> None:
    bit = 1 << CAP_DAC_OVERRIDE
    header = _CapHeader(CAPABILITY_VERSION_3, 0)
    data = (_CapData * 2)(_CapData(bit, bit, bit), _CapData(0, 0, 0))
    _check(libc.capset(ctypes.byref(header), data), "capset")
    _check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0), "prctl")


def _check(outcome: int, call: str) -> None:
    if outcome != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _refuse(why: str) -> None:
    sys.stderr.write(f"{why}\n")
    sys.exit(UNREACHABLE)


if __name__ == "__main__":
    try:
        main()
    except (OSError, AttributeError) as error:  # AttributeError: a libc without unshare or prctl
        _refuse(str(error))
