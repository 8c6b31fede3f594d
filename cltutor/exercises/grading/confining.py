"""Limits of a student's process, set by itself before it runs the first of the student's lines.

On Linux with Landlock (5.13 or newer) the kernel lets it and all its children write nowhere but in its own folder,
read only what Python needs, open no TCP connection and send no signal to other processes, whatever code they run.
Elsewhere nothing but the limits of memory and time remains; `confined` says which.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

# Rights of Landlock (linux/landlock.h); those on files alone, and what they are granted as.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1, 2, 4, 8, 1 << 14
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every processor
NO_NEW_PRIVILEGES = 38
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc", "/opt", "/proc", "/sys", "/dev")


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Landlock's version in this kernel; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, 1))


def limit(memory: int, seconds: int) -> None:
    """At most so many bytes of memory, so many seconds of a core, and files of 64 MB; a process inherits them."""
    if resource is None:
        return
    wanted = {"RLIMIT_DATA": memory, "RLIMIT_CPU": seconds, "RLIMIT_FSIZE": 2**26, "RLIMIT_CORE": 0}
    for name, value in wanted.items():
        kind = getattr(resource, name)
        _, most = resource.getrlimit(kind)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        with contextlib.suppress(ValueError, OSError):  # a system that does not know this limit
            resource.setrlimit(kind, (value, value))


def confine(folder: Path, package: Path) -> bool:
    """Let this process write in ``folder`` alone; False where the system cannot.

    package: the folder of cltutor, which may be read; of what lies beside it only names can.
    """
    found = version()
    if not found:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    files = (1 << (13 + (found >= 2) + (found >= 3) + (found >= 5))) - 1
    wanted = _Ruleset(files, 3 if found >= 4 else 0, 3 if found >= 6 else 0)
    size = 8 if found < 4 else 16 if found < 6 else 24
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    _allow(libc, ruleset, [folder], files)
    _allow(libc, ruleset, ["/dev/null"], READ_FILE | WRITE_FILE)
    _allow(libc, ruleset, [package.parent], READ_DIR)
    libraries = [path for path in sys.path if path and Path(path) != package.parent]
    _allow(libc, ruleset, [*SYSTEM, sys.base_prefix, sys.prefix, *libraries, package], READ)
    closed = libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0 and libc.syscall(RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return closed


def _allow(libc: ctypes.CDLL, ruleset: int, paths: Iterable[str | Path], rights: int) -> None:
    for path in paths:
        if not os.path.exists(path):
            continue
        place = os.open(path, os.O_PATH)
        own = rights if os.path.isdir(path) else rights & ON_FILES
        rule = _Beneath(own, place)
        if libc.syscall(ADD_RULE, ruleset, 1, ctypes.byref(rule), 0):
            raise OSError(ctypes.get_errno(), f"Landlock refuses a rule for {path}")
        os.close(place)
