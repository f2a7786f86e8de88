"""Run students' code in kernels inside bubblewrap, within limits, and hand back what it said.

Nothing in here believes the other side. The grader speaks the wire protocol of Jupyter's kernels itself and
counts bytes as they arrive, because a library's queues would grow in the grader's own memory. A hostile
message is ignored, or ends the sandbox; it never raises here.

bubblewrap makes the outer world: a read-only system, no network. In it runs ``launch.py``, which imports the
packages once and forks a process for each submission, with namespaces, folders, limits and a user of its own.
The process that forks never runs a student's code, and no submission sees another one's process, file,
memory or descriptor. Nothing that can be written to is shared with the host.

How each limit is kept (the watchdog is a thread of the grader that looks twenty times a second):

==================  =====================================================  ================================
limit               started by root                                        started by an ordinary user
==================  =====================================================  ================================
files               bubblewrap: read-only system, Python, this package     the same, in a user namespace
identity            an unused uid, no capabilities, no new privileges      the user's own uid, without any
                                                                           capability in its own namespace
user namespaces     forbidden by ``max_user_namespaces`` 0 inside          the same
network             a network namespace with nothing but its own loopback  the same
other processes     a process namespace for each submission; seccomp       the same
                    refuses limits for others and locks on files
the kernel          seccomp refuses calls that no exercise needs           the same
processes, threads  ``RLIMIT_NPROC`` (it binds, the uid is not root)       the same, counted in the namespace
memory, a process   ``RLIMIT_DATA``: a MemoryError, not a death            the same
memory, all         watchdog: private and shared pages, page tables,       the same
                    maps; seccomp refuses shared memory without a file
out of memory       ``oom_score_adj`` 1000, with CAP_SYS_RESOURCE for      watchdog: nobody lowered it
                    good; else as an ordinary user's
descriptors         ``RLIMIT_NOFILE``, also for those on the way;          the same
                    seccomp refuses inotify, fanotify, AIO
sockets             watchdog: how many are open in the namespace           the same
disk, /dev/shm      tmpfs with a size and a number of files each;          the same
                    ``RLIMIT_FSIZE``
processor time      watchdog, all processes; ``RLIMIT_CPU`` behind it      the same
wall time           watchdog                                               the same
output              counted as it arrives; then the sandbox is ended       the same
left-overs          process 1 is killed, the system ends all others        the same
dead grader         the guard sees the end of its socket;                  the same
                    ``--die-with-parent`` behind it
==================  =====================================================  ================================

Not counted: the files in the private folders (they have their own limit), other memory that the system keeps
for pipes and descriptors, and the processor time of children that a process refuses to wait for; wall time
bounds that. The number of maps, and what processes share, take long to look at: that is done for a fifth of
the time at most, and a rough bound. Without locks there is no SQLite inside. Ordinary users share their
limits with all of their sandboxes: epoll's is not kept apart. seccomp is there on x86_64 and aarch64. A hole
in the system's kernel is a hole in the sandbox.

With ``sandboxed=False`` there are ``RLIMIT_DATA``, ``RLIMIT_FSIZE``, ``RLIMIT_CPU``, the watchdog and the
counting of output, and no more: the code can read and write whatever the grader can.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import hashlib
import hmac
import json
import os
import platform
import re
import secrets
import shutil
import signal
import site
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from lecture_utils import kernels
from lecture_utils.errors import LectureError
from lecture_utils.grading.inside import GIVEN, MIME
from lecture_utils.paths import cache_dir

_PACKAGE = Path(__file__).resolve().parent.parent
_LAUNCH = Path(__file__).resolve().with_name("launch.py")
_FILES = "/run/lecture"  # where the given files stand inside
_DATA = "/run/data"
_INTERVAL = 0.05  # s between two looks of the watchdog
_KILL_SECONDS = 10.0
_TEXT, _TRACEBACK, _ERROR = 10_000, 5_000, 300  # characters that are kept
_EACH = 256  # bytes that a message counts at least: parsing it takes time, too
_FRAMES = 32  # no message of a kernel has so many
_SETUP_OUTPUT = 4 << 20
_FIRST_UID, _UIDS = 61_000, 180  # a range that neither Debian nor systemd gives to anybody
_DESCRIPTORS = 256  # of one process, and on the way between processes
_MAP = 256  # bytes that the system keeps for a line of /proc/*/maps, roughly
_SLOWLY = 2.0  # s between two looks at what takes long, where nothing is the matter
_SOCKETS = 4096  # open in one sandbox: the system's memory for them is counted nowhere else
_ENDS = {"ended", "outside"}  # what a guard tells at the end
_DELIMITER = b"<IDS|MSG>"
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_LINKED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SYSTEM = ("/usr", *_LINKED, "/etc/alternatives", "/etc/ld.so.cache", "/nix/store")
_DEVICES = ("null", "full", "random", "urandom")  # /dev/zero can be mapped: memory that nothing counts
_ETC = {
    "passwd": "root:x:0:0:root:/:/bin/sh\nstudent:x:1000:1000:student:/:/bin/sh\n",
    "group": "root:x:0:\nstudent:x:1000:\n",
    "hosts": "127.0.0.1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "fonts/fonts.conf": '<?xml version="1.0"?>\n<fontconfig></fontconfig>\n',
}


class Fault(LectureError):
    """The sandbox failed, for a reason that is not the student's: what it was to run is not graded."""


@dataclass(frozen=True)
class Limits:
    """What a sandbox may use.

    Attributes
    ----------
    start : float
        Seconds until the kernel is ready and the setup has run.
    cpu : float
        Seconds of processor time for one task, of all processes together.
    wall : float
        Seconds for one task.
    memory : int
        Bytes, of all processes together.
    processes : int
        Processes and threads at a time.
    disk : int
        Bytes in each of the two private folders.
    output : int
        Bytes of messages of one task.
    """

    start: float = 120.0
    cpu: float = 60.0
    wall: float = 240.0
    memory: int = 3 << 30
    processes: int = 256
    disk: int = 64 << 20
    output: int = 4 << 20


@dataclass(frozen=True)
class Step:
    """A piece of code to run, and what it is called."""

    name: str
    code: str


@dataclass
class Ran:
    """What became of a step.

    Attributes
    ----------
    name : str
        The step's name.
    seconds, cpu : float
        Wall time, and processor time of all processes of the sandbox.
    error : str
        The exception in one line, or "".
    traceback : str
        Plain text, cut.
    text : str
        Standard output and standard error, plain, cut.
    answers : list of str
        The JSON texts that :func:`lecture_utils.grading.inside.emit` handed out.
    ended : str
        Why the sandbox had to be ended in this step, in words for the student, or "".
    """

    name: str
    seconds: float = 0.0
    cpu: float = 0.0
    error: str = ""
    traceback: str = ""
    text: str = ""
    answers: list[str] = field(default_factory=list)
    ended: str = ""


# --- words


def _plain(text: str) -> str:
    """Return a text without colors and control characters, and without halves of characters."""
    text = _CONTROL.sub("", _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))
    return text.encode("utf-8", "replace").decode("utf-8")


def _cut(text: str, limit: int) -> str:
    """Return a text whose middle is left out where it is long."""
    if len(text) <= limit:
        return text
    words = f"\n… {len(text) - limit:,} characters left out …\n"
    keep = limit - len(words)
    return text[: keep * 2 // 3] + words + text[len(text) - (keep - keep * 2 // 3) :]


def _size(count: float) -> str:
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count:.0f} bytes"


def _status(code: int) -> str:
    """Say how the process of a kernel ended."""
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"ended Python itself (signal {name})"
    return f"ended Python itself (exit status {code})"


# --- what is running


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:  # the process has just ended, or is not ours to look at
        return ""


def _family(first: int) -> list[int]:
    """Return the numbers of a process and of all that descend from it."""
    found, todo = [], [first]
    while todo:
        number = todo.pop()
        found.append(number)
        try:
            threads = os.listdir(f"/proc/{number}/task")
        except OSError:
            continue
        for thread in threads:
            todo += map(int, _read(f"/proc/{number}/task/{thread}/children").split())
    return found


_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def _processor_time(number: int) -> float:
    """Return the seconds of a process, and of its children that ended."""
    fields = _read(f"/proc/{number}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS if len(fields) > 15 else 0.0


def _kilobytes(text: str, *names: str) -> int | None:
    found = re.findall(rf"^(?:{'|'.join(names)}):\s+(\d+) kB", text, re.MULTILINE)
    return sum(map(int, found)) * 1024 if found else None


_COUNTED = ("RssAnon", "RssShmem", "VmPTE")  # page tables, too: huge maps of nothing consist of them


def _memory(number: int) -> int:
    """Return the bytes that a process has written to, those shared with another one included."""
    status = _kilobytes(_read(f"/proc/{number}/status"), *_COUNTED)
    if status is None:  # its first thread has ended; the others share the memory
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{number}/task"):
                path = f"/proc/{number}/task/{thread}/status"
                status = status or _kilobytes(_read(path), *_COUNTED)
    return status or 0


def _share(number: int) -> int:
    """Return the same, where what n processes share counts as an n-th."""
    share = _kilobytes(_read(f"/proc/{number}/smaps_rollup"), "Pss_Anon", "Pss_Shmem")
    tables = _kilobytes(_read(f"/proc/{number}/status"), "VmPTE") or 0
    return _memory(number) if share is None else share + tables


def _maps(number: int) -> int:
    """Return roughly the bytes that the system keeps for the maps of a process."""
    count = 0
    with contextlib.suppress(OSError), open(f"/proc/{number}/maps", "rb", buffering=0) as file:
        while part := file.read(1 << 16):
            count += part.count(b"\n")
    return count * _MAP


def _available() -> int:
    """Return the bytes that this machine still has."""
    return _kilobytes(_read("/proc/meminfo"), "MemAvailable") or 0


def _usage(first: int) -> tuple[float, dict[int, int]]:
    """Return the processor time of a process and its descendants, and the memory of each."""
    if not os.path.isdir("/proc/self"):
        import psutil

        try:
            root = psutil.Process(first)
            family = [root, *root.children(recursive=True)]
            used = [(sum(each.cpu_times()[:2]), each.pid, each.memory_info().rss) for each in family]
        except psutil.Error:
            return 0.0, {}
        return sum(seconds for seconds, *_ in used), {number: size for _, number, size in used}
    numbers = _family(first)
    return sum(map(_processor_time, numbers)), {number: _memory(number) for number in numbers}


def _lowered(numbers: Iterable[int]) -> bool:
    """Return whether one of these no longer wants to be the first to go when the machine has no memory."""
    return any(_read(f"/proc/{number}/oom_score_adj").strip() not in ("", "1000") for number in numbers)


def _oom_kills() -> int:
    """Return how many processes the system has killed for want of memory since it started."""
    found = re.search(r"^oom_kill (\d+)", _read("/proc/vmstat"), re.MULTILINE)
    return int(found[1]) if found else 0


class _Watch(threading.Thread):
    """Looks at what a sandbox uses, and ends it when that is too much."""

    def __init__(self, first: int, limits: Limits, breach: Callable[[str], None], sandboxed: bool) -> None:
        super().__init__(name="sandbox-watch", daemon=True)
        self._first, self._breach, self._sandboxed = first, breach, sandboxed
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._limits, self._busy = limits, False
        self._since, self._before, self.cpu = time.monotonic(), 0.0, 0.0
        self._closely_at, self._cost, self._available = 0.0, 0.0, 0  # when it ended, how long it took

    def look(self) -> dict[int, int]:
        """Bring the processor time up to date; return the memory of each process. Not in the event loop."""
        seconds, memory = _usage(self._first)
        self.cpu = max(self.cpu, seconds)  # of children that nobody waited for the time is lost
        return memory

    def begin(self, limits: Limits) -> None:
        """Count from here, for one task. Not in the event loop."""
        self.look()
        with self._lock:
            self._before = self.cpu
            self._limits, self._since, self._busy = limits, time.monotonic(), True

    def end(self) -> None:
        """Stop counting: the caller thinks."""
        self._busy = False

    def over(self) -> None:
        """Look no more."""
        self._over.set()

    def _memory(self, each: dict[int, int], limit: int) -> int:
        """Return the memory of all; while a close look is not due, no more than the limit."""
        plain = sum(each.values())
        if (not self._sandboxed and plain <= limit) or not os.path.isdir("/proc/self"):
            return plain
        start = time.monotonic()
        pause = max(4 * self._cost, 0.0 if plain > limit else _SLOWLY)
        if start - self._closely_at < pause and (
            plain <= limit or _available() > self._available - limit // 4
        ):
            return min(plain, limit)
        total = 0
        for number in sorted(each, key=lambda number: each[number], reverse=True):
            total += _maps(number) + (_share(number) if plain > limit else each[number])
            if total > limit or self._over.is_set():
                break
        self._closely_at = time.monotonic()
        self._cost, self._available = self._closely_at - start, _available()
        return total

    def run(self) -> None:
        while not self._over.wait(_INTERVAL):
            each = self.look()
            memory = self._memory(each, self._limits.memory)
            sockets = _sockets(self._first) if self._sandboxed else 0
            lowered = self._sandboxed and _lowered(each)
            with self._lock:
                limits, why = self._limits, ""
                if memory > limits.memory:
                    why = f"used more than {_size(limits.memory)} of memory"
                elif self._busy and self.cpu - self._before > limits.cpu:
                    why = f"used more than {limits.cpu:g} s of processor time"
                elif self._busy and time.monotonic() - self._since > limits.wall:
                    why = f"took longer than {limits.wall:g} s"
                elif sockets > _SOCKETS:
                    why = f"opened more than {_SOCKETS} sockets"
                elif lowered:
                    why = "changed oom_score_adj"
            if why:
                self._breach(why)
                return


def _sockets(first: int) -> int:
    """Return how many sockets are open in the network namespace of a process (its own, in a sandbox)."""
    found = re.search(r"^sockets: used (\d+)", _read(f"/proc/{first}/net/sockstat"), re.MULTILINE)
    return int(found[1]) if found else 0


# --- the wire: ZMTP 3.0 without security over a UNIX socket (rfc.zeromq.org/spec/23)


class _Wire(asyncio.Protocol):
    """One socket of the kernel. Hands on messages; whatever is wrong with one becomes ``lost``."""

    def __init__(
        self,
        kind: bytes,
        received: Callable[[int], bool],
        message: Callable[[list[bytes]], None],
        lost: Callable[[], None],
        largest: Callable[[], int],
    ) -> None:
        self._kind, self._received, self._message = kind, received, message
        self._lost, self._largest = lost, largest
        self._buffer, self._frames = bytearray(), list[bytes]()
        self._greeted, self._open, self._need = False, False, 64
        self._held: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
        transport.write(greeting)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost()

    def close(self) -> None:
        """Hang up, without a word."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def send(self, frames: Sequence[bytes]) -> None:
        """Send a message, once the other side has shaken hands."""
        data = b"".join(
            self._frame(1 if place < len(frames) - 1 else 0, frame) for place, frame in enumerate(frames)
        )
        if not self._open:
            self._held.append(data)
        elif self._transport is not None:
            self._transport.write(data)

    @staticmethod
    def _frame(flags: int, body: bytes) -> bytes:
        if len(body) < 256:
            return bytes((flags, len(body))) + body
        return bytes((flags | 2,)) + struct.pack(">Q", len(body)) + body

    def data_received(self, data: bytes) -> None:
        if self._transport is None or not self._received(len(data)):
            return
        self._buffer += data
        place = 0
        try:
            while self._transport is not None and len(self._buffer) - place >= self._need:
                place = self._take(place)
        finally:
            del self._buffer[:place]

    def _take(self, place: int) -> int:
        """Take what stands at a place of the buffer, or find out how much it needs; return the next place."""
        assert self._transport is not None
        head = self._buffer[place : place + 64]
        if not self._greeted:
            if not (head[0] == 0xFF and head[9] & 1 and head[10] >= 3):
                self.close()
                return place
            ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(self._kind)) + self._kind
            self._transport.write(self._frame(4, ready))
            self._greeted, self._need = True, 2
            return place + 64
        flags, start = head[0], 9 if head[0] & 2 else 2
        if len(head) < start:
            self._need = start
            return place
        size = struct.unpack(">Q", head[1:9])[0] if flags & 2 else head[1]
        if size > self._largest():  # it does not have to arrive to be too much
            self._received(size)
            return place
        self._need = start + size
        if len(self._buffer) - place < self._need:
            return place
        place, body = place + self._need, bytes(self._buffer[place + start : place + self._need])
        self._need = 2
        if flags & 4:
            if self._received(_EACH):
                self._command(body)
            return place
        self._frames.append(body)
        if len(self._frames) > _FRAMES:
            self.close()
        elif not flags & 1:
            frames, self._frames = self._frames, []
            if self._received(max(0, _EACH - sum(map(len, frames)))):
                self._message(frames)
        return place

    def _command(self, body: bytes) -> None:
        if body.startswith(b"\x05READY") and not self._open and self._transport is not None:
            self._open = True
            if self._kind == b"SUB":
                self._transport.write(self._frame(0, b"\x01"))
            for data in self._held:
                self._transport.write(data)
            self._held.clear()


def _same(wire: _Wire) -> _Wire:
    return wire


# --- bubblewrap


def _prefixes() -> list[Path]:
    """Return the folders with the running Python and its packages: what must be seen inside."""
    wanted = [Path(name) for name in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)]
    program = Path(sys.executable)
    for _ in range(20):  # each link on the way to the program may lead to another installation
        wanted.append(program.parent.parent)
        if not program.is_symlink():
            break
        program = Path(os.path.normpath(program.parent / program.readlink()))
    wanted.append(Path(os.path.realpath(sys.executable)).parent.parent)
    folders: list[Path] = []
    for prefix in dict.fromkeys([*wanted, *(each.resolve() for each in wanted)]):
        # Only what belongs to Python, for the prefix may be a folder with all kinds of things.
        for name in ("bin", "lib", "lib32", "lib64", "pyvenv.cfg"):
            if (prefix / name).exists():
                folders.append(prefix / name)
    for name in _extra_paths():
        folders.append(Path(name))
    return folders


def _extra_paths() -> list[str]:
    """Return the user's own folder of packages where this Python searches it: inside, none would."""
    users = site.getusersitepackages() if site.ENABLE_USER_SITE else ""
    return [name for name in sys.path if name and name == users and os.path.isdir(name)]


def _scratch() -> str:
    """Return the folder that student code may write to: /tmp, or another where the workbook lies below it."""
    needed = [*_prefixes(), _PACKAGE]
    return "/scratch" if any(_below(path, ["/tmp", "/var/tmp"]) for path in needed) else "/tmp"


def _below(path: Path, folders: Sequence[str | Path]) -> bool:
    return any(path == Path(folder) or Path(folder) in path.parents for folder in folders)


def _privileged() -> bool:
    """Return whether this is root, and may become another user (root of a container perhaps may not)."""
    ranges = [tuple(map(int, line.split())) for line in _read("/proc/self/uid_map").splitlines()]
    mapped = any(first <= _FIRST_UID and first + count >= _FIRST_UID + _UIDS for first, _, count in ranges)
    return os.geteuid() == 0 and mapped


def _bubblewrap(program: str, files: Mapping[str, bytes], privileged: bool) -> tuple[list[str], list[int]]:
    """Return the command that makes the outer world, and the descriptors that it reads files from."""
    command = [program, "--die-with-parent", "--new-session", "--hostname", "sandbox"]
    command += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if privileged:
        command += ["--cap-drop", "ALL"]
        names = ["SYS_ADMIN", "NET_ADMIN", "SETUID", "SETGID", "SETPCAP", "KILL"]
        found = re.search(r"^CapEff:\s+(\w+)", _read("/proc/self/status"), re.MULTILINE)
        if found and int(found[1], 16) >> 24 & 1:  # root of a container may lack it
            names.append("SYS_RESOURCE")
        for name in names:
            command += ["--cap-add", f"CAP_{name}"]
    else:
        command += ["--unshare-user"]
    made: set[str] = {"/"}

    def folder(path: str | Path) -> None:
        for each in [*reversed(Path(path).parents), Path(path)]:
            if str(each) not in made and not _below(each, bound):
                made.add(str(each))
                command.extend(["--perms", "0755", "--dir", str(each)])

    bound: list[str] = []
    for name in _SYSTEM:
        if os.path.islink(name):
            command += ["--symlink", os.readlink(name), name]
        elif os.path.exists(name):
            folder(Path(name).parent)
            command += ["--ro-bind", name, name]
            bound.append(name)
    for path in [*_prefixes(), _PACKAGE]:
        real = [*bound, *(name for name in _LINKED if os.path.islink(name))]
        if not _below(path, real):
            folder(path.parent)
            command += ["--ro-bind", str(path), str(path)]
            bound.append(str(path))
    scratch = _scratch()
    for name in ("/run", "/var", _FILES, "/dev", "/proc", scratch):
        folder(name)
    if scratch == "/tmp":
        command += ["--symlink", "/tmp", "/var/tmp"]
    command += ["--proc", "/proc", "--tmpfs", "/dev"]
    for name in _DEVICES:
        command += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        command += ["--symlink", f"/proc/self/fd{target}", f"/dev/{name}"]
    for name in ("/dev/shm", scratch):
        command += ["--perms", "1777", "--size", str(64 << 20), "--tmpfs", name]
    command += ["--remount-ro", "/dev"]
    contents = {f"/etc/{name}": text.encode() for name, text in _ETC.items()}
    contents |= {f"{_FILES}/{name}": content for name, content in files.items()}
    descriptors = []
    for name, content in contents.items():
        folder(Path(name).parent)
        descriptor = os.memfd_create("lecture")
        descriptors.append(descriptor)
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            stream.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        command += ["--perms", "0644", "--ro-bind-data", str(descriptor), name]
    cache = Path(_DATA) / "cache"
    for path in _caches():
        folder(cache)
        command += ["--ro-bind", str(path), str(cache / path.name)]
    return [*command, "--remount-ro", "/", "--chdir", scratch, "--"], descriptors


def _caches() -> list[Path]:
    """Return the prepared files of the embedded data sets: no submission draws them again."""
    return sorted(path for name in ("digits", "glyphs") for path in cache_dir().glob(f"{name}*.npz"))


def _environment(home: str, files: str, data: str) -> dict[str, str]:
    """Return everything that the kernel finds in its environment."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": str(Path(home).parent),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "MPLBACKEND": "Agg",
        "LECTURE_DATA": "embedded",
        "LECTURE_DATA_DIR": data,
        "LECTURE_SCOREBOARD": f"{home}/scoreboard.json",
        "LECTURE_PROGRESS": f"{home}/progress.json",
        "LECTURE_STILL": "1",
        GIVEN: f"{files}/given.json",
        "CUDA_VISIBLE_DEVICES": "",
        "HDF5_USE_FILE_LOCKING": "FALSE",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


class _Server:
    """The process that forks kernels: bubblewrap and ``launch.py`` in it."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        preload: Sequence[str],
        *,
        sandboxed: bool,
        bwrap: str,
        number: int,
    ) -> None:
        self.sandboxed = sandboxed
        self._folder: Path | None = None
        self._marker = secrets.token_hex(16)
        privileged = sandboxed and _privileged()
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        descriptors: list[int] = []
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            if sandboxed:
                command, descriptors = _bubblewrap(bwrap, files, privileged)
                environment = _environment(f"{_scratch()}/home", _FILES, _DATA)
            else:
                self._folder = _private_folder()
                command = []
                environment = _environment(*(f"{self._folder}/{name}" for name in ("home", "files", "data")))
                (self._folder / "files").mkdir()
                for name, content in files.items():
                    (self._folder / "files" / name).write_bytes(content)
                (self._folder / "data" / "cache").mkdir(parents=True)
                for path in _caches():
                    shutil.copy(path, self._folder / "data" / "cache")
                environment["LECTURE_KERNEL"] = self._marker
            options = {
                "isolate": sandboxed,
                "user": _FIRST_UID + (os.getpid() * 7 + number) % _UIDS if privileged else None,
                "preload": list(preload),
                "paths": [*_extra_paths(), str(_PACKAGE.parent)],
                "folders": [_scratch(), "/dev/shm"],
            }
            command += [sys.executable, "-s", "-P", str(_LAUNCH), str(there.fileno()), json.dumps(options)]
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[there.fileno(), *descriptors],
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the grader
            )
        except OSError as error:
            here.close()
            self._remove()
            raise Fault(
                f"the sandbox does not start: {error}. `lecture doctor` says what it needs."
            ) from error
        finally:
            there.close()
            for descriptor in descriptors:
                os.close(descriptor)
        self.control = here

    def said(self) -> str:
        """Return the last thing that bubblewrap, or Python in it, wrote before it ended."""
        self._errors.seek(0)
        lines = self._errors.read()[-4000:].decode(errors="replace").strip().splitlines()
        return kernels.one_line(lines[-1]) if lines else "it said nothing"

    def request(self, leash: int, errors: int, options: Mapping[str, Any]) -> None:
        """Ask for a kernel that hangs on this leash."""
        try:
            socket.send_fds(self.control, [json.dumps(options).encode() + b"\n"], [leash, errors])
        except OSError as error:
            raise Fault(f"the sandbox's server is gone: {self.said()}.") from error

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        """End the server and all that is in it."""
        if not self.sandboxed:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        # The socket ends when its last holder does: with the server, process 1 was killed and so the rest.
        self.control.settimeout(_KILL_SECONDS)
        with contextlib.suppress(OSError):
            self.control.shutdown(socket.SHUT_WR)  # a server whose bubblewrap died too early sees it
            while self.control.recv(1 << 16):
                pass
        self.control.close()
        self._remove()

    def _remove(self) -> None:
        self._errors.close()
        if not self.sandboxed:
            kernels._end_leftovers(self._marker)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _private_folder() -> Path:
    """Make a folder of this process, after sweeping away those that killed graders left."""
    import psutil

    me = psutil.Process()
    for path in Path(tempfile.gettempdir()).glob("lecture-sandbox-*-*-*"):
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            number, started = map(int, path.name.split("-")[2:4])
            status = path.lstat()
            gone = not psutil.pid_exists(number) or int(psutil.Process(number).create_time()) != started
            if gone and status.st_uid == os.geteuid() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
    name = f"lecture-sandbox-{me.pid}-{int(me.create_time())}-"
    return Path(tempfile.mkdtemp(prefix=name))


def _socketpair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a leash; messages to the first come with the sender's process number."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    if hasattr(socket, "SO_PASSCRED"):
        here.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return here, there


def missing() -> str:
    """Return "", or in one line why no sandbox is to be had here, with the command that mends it."""
    from lecture_utils.doctor import installer

    if platform.system() != "Linux":
        return "bubblewrap exists on Linux only: grade there, or in a virtual machine with Linux."
    program = shutil.which("bwrap")
    if program is None:
        line = installer({"apt-get": "bubblewrap", "dnf": "bubblewrap"})
        return f"bubblewrap is not installed: {line}."
    problem = _try(program)
    return f"bubblewrap does not work here ({problem}): {_remedy()}." if problem else ""


@functools.cache
def _try(program: str) -> str:
    """Make a sandbox without a kernel in it; return what went wrong."""
    try:
        server = _Server({}, (), sandboxed=True, bwrap=program, number=_UIDS - 1)
    except Fault as error:
        return str(error)
    here, there = _socketpair()
    try:
        server.control.settimeout(20)
        if not server.control.recv(1 << 16):
            return server.said()
        with there, tempfile.TemporaryFile() as errors:
            server.request(there.fileno(), errors.fileno(), _request(Limits(), probe=True))
        here.settimeout(20)
        text = b""
        while more := here.recv(1 << 16):
            text += more
        words: dict[str, Any] = {}
        for line in text.splitlines():
            words |= json.loads(line)
        return "" if words.get("ready") else str(words.get("failed", server.said()))
    except (OSError, ValueError, Fault) as error:
        return kernels.one_line(str(error))
    finally:
        here.close()
        server.close()


def _remedy() -> str:
    """Return what to do where the system forbids user namespaces."""
    for name, bad, good in (
        ("kernel/unprivileged_userns_clone", "0", "1"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
        ("user/max_user_namespaces", "0", "10000"),
    ):
        if _read(f"/proc/sys/{name}").strip() == bad:
            return f"`sudo sysctl {name.replace('/', '.')}={good}` permits it"
    return "grade on a machine that permits user namespaces (a container may need `--privileged`)"


def _request(limits: Limits, **more: Any) -> dict[str, Any]:
    """Return what the server is told about a new kernel."""
    patience = int(limits.start + 20 * limits.cpu + limits.wall)
    return {
        "disk": limits.disk,
        "descriptors": _DESCRIPTORS,
        "limits": {
            "RLIMIT_CORE": 0,
            "RLIMIT_CPU": patience,
            "RLIMIT_DATA": limits.memory * 7 // 8,  # a MemoryError comes before the watchdog
            "RLIMIT_FSIZE": limits.disk,
            "RLIMIT_NOFILE": 1024,  # until the kernel has handed over its descriptors
            **({} if more.pop("bare", False) else {"RLIMIT_NPROC": limits.processes}),
        },
        **more,
    }


# --- one sandbox


@dataclass
class _Said:
    """What came back so far of the request that is being served."""

    identity: str
    idle: bool = False
    reply: dict[str, Any] | None = None
    text: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    error: str = ""
    traceback: str = ""


class Sandbox:
    """A kernel in which the setup has run. Made by :meth:`Sandboxes.fresh`."""

    def __init__(self, server: _Server, limits: Limits) -> None:
        self._server, self._limits = server, limits
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._key = b""
        self._session = secrets.token_hex(16)
        self._leash, self._errors = -1, -1
        self._leash_socket: socket.socket | None = None
        self._line, self._ends = b"", list[int]()
        self._words: dict[str, Any] = {}
        self._first = 0
        self._hung_up = False  # the guard's end of the leash is closed
        self._broken = False  # a connection to the kernel is
        self._why = ""
        self._killed = False
        self._bytes, self._allowed = 0, _SETUP_OUTPUT
        self._wrote = bytearray()
        self._said: _Said | None = None
        self._watch: _Watch | None = None
        self._wires: list[_Wire] = []
        self._kills = _oom_kills()
        self._counter = 0

    @property
    def alive(self) -> bool:
        """Whether more steps can be run."""
        return not (self._why or self._broken or self._hung_up or self._words.keys() & _ENDS)

    async def run(self, steps: Sequence[Step], limits: Limits | None = None) -> list[Ran]:
        """Run the steps of one task in order.

        Parameters
        ----------
        steps : sequence of Step
        limits : Limits, optional
            For processor time, wall time, memory and output of all these steps together; by default those of
            the factory. What one process may use of memory is settled when the sandbox is made.

        Returns
        -------
        list of Ran
            One for each step, or fewer: none follows one that ended the sandbox.

        Raises
        ------
        Fault
            The sandbox broke, and not by what ran in it.
        """
        limits = limits or self._limits
        assert self._watch is not None
        if not self.alive:
            raise Fault("this sandbox has ended; it takes a fresh one.")
        self._bytes, self._allowed = 0, limits.output
        await asyncio.to_thread(self._watch.begin, limits)
        results: list[Ran] = []
        try:
            for step in steps:
                results.append(await self._step(step))
                if not self.alive:
                    break
        finally:
            self._watch.end()
        return results

    # --- from here on nothing is public

    async def _step(self, step: Step) -> Ran:
        assert self._watch is not None
        before, start = self._watch.cpu, time.monotonic()
        said = self._ask(
            "execute_request",
            {
                "code": step.code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": False,
            },
        )
        while self.alive and not (said.idle and said.reply is not None):
            await self._wait(None)
        ended = ""
        if not self.alive:
            ended = await self._ending()
        else:
            await asyncio.to_thread(self._watch.look)
        self._said = None
        return Ran(
            name=step.name,
            seconds=time.monotonic() - start,
            cpu=self._watch.cpu - before,
            error=said.error,
            traceback=said.traceback,
            text=_cut(_plain("".join(said.text)), _TEXT),
            answers=said.answers,
            ended=ended,
        )

    async def _ending(self) -> str:
        """Find out, after the end, how it came: in words for the student, or by a Fault."""
        end = time.monotonic() + _KILL_SECONDS
        while not self._why and not self._words.keys() & _ENDS and not self._hung_up:
            # The kernel's sockets close a little before its guard tells its status; or they alone did.
            if time.monotonic() > end - _KILL_SECONDS + 1:
                self._kill("broke the connection to the grader")
                break
            await self._wait(0.05)
        if self._why:
            return self._why
        if "ended" not in self._words:
            raise Fault("the sandbox was killed from outside; this submission can be graded again.")
        code = int(self._words["ended"])
        if code == -signal.SIGKILL and _oom_kills() > self._kills:
            raise Fault("the system killed the sandbox for want of memory; grade fewer side by side.")
        return _status(code)

    async def _wait(self, seconds: float | None) -> None:
        """Sleep until something happens."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
        self._news.clear()

    async def _open(self, setup: Sequence[str]) -> None:
        """Have the kernel made, shake hands, and run the setup."""
        end = time.monotonic() + self._limits.start
        here, there = _socketpair()
        read, write = os.pipe()
        os.set_blocking(read, False)
        here.setblocking(False)
        self._leash_socket, self._errors = here, read
        self._loop.add_reader(here, self._on_leash)
        self._loop.add_reader(read, self._on_errors)
        try:
            request = _request(self._limits, bare=not self._server.sandboxed)
            self._server.request(there.fileno(), write, request)
        finally:
            there.close()
            os.close(write)
        while not self._words.keys() & {"ready", "failed", *_ENDS} and not self._hung_up:
            self._until(end)
            await self._wait(0.5)
        if not self._words.get("ready") or len(self._ends) != 2:
            problem = self._words.get("failed") or self._last_error() or self._server.said()
            raise Fault(f"the sandbox's kernel does not start: {kernels.one_line(str(problem))}")
        self._key = str(self._words["key"]).encode()
        self._watch = _Watch(self._first, self._limits, self._breach, self._server.sandboxed)
        self._watch.start()
        for kind, handler in ((b"DEALER", self._on_shell), (b"SUB", self._on_iopub)):
            wire = _Wire(kind, self._count, handler, self._on_lost, lambda: self._allowed)
            self._wires.append(wire)
            end_of = socket.socket(fileno=self._ends.pop(0))
            end_of.setblocking(False)
            await self._loop.create_unix_connection(functools.partial(_same, wire), sock=end_of)
        while True:
            said = self._ask("kernel_info_request", {})
            again = time.monotonic() + 0.3
            while self.alive and not (said.idle and said.reply) and time.monotonic() < again:
                await self._wait(0.1)
            if said.idle and said.reply:
                break
            self._until(end)
            if not self.alive:
                raise Fault(f"the sandbox's kernel died as it started: {self._last_error() or 'no word'}")
        limits = dataclasses.replace(
            self._limits, cpu=self._limits.start, wall=self._limits.start, output=_SETUP_OUTPUT
        )
        for result in await self.run([Step("setup", code) for code in setup], limits):
            problem = result.ended or result.error
            if problem:
                raise Fault(f"the setup of the exercise failed in the sandbox: {kernels.one_line(problem)}")

    def _until(self, end: float) -> None:
        if time.monotonic() > end:
            raise Fault(
                f"the sandbox's kernel did not start in {self._limits.start:g} s; is the machine busy?"
            )

    def _last_error(self) -> str:
        lines = self._wrote.decode(errors="replace").strip().splitlines()
        return _plain(lines[-1]) if lines else ""

    async def _close(self) -> bool:
        """End the sandbox; return whether its server may make another one."""
        if self._watch is not None:
            self._watch.over()
        for wire in self._wires:
            wire.close()
        for descriptor in self._ends:
            os.close(descriptor)
        self._let_go()
        end = time.monotonic() + _KILL_SECONDS
        while not self._hung_up and self._leash_socket is not None and time.monotonic() < end:
            await self._wait(0.2)
        if self._leash_socket is not None:
            self._loop.remove_reader(self._leash_socket)
            self._leash_socket.close()
        if self._errors != -1:
            self._loop.remove_reader(self._errors)
            os.close(self._errors)
        return self._hung_up and self._server.alive

    def _let_go(self) -> None:
        """Let go of the leash: the guard kills the sandbox."""
        if self._leash_socket is not None:
            with contextlib.suppress(OSError):
                self._leash_socket.shutdown(socket.SHUT_WR)

    def _kill(self, why: str) -> None:
        if not self._killed and not self._words.keys() & _ENDS:
            self._killed, self._why = True, self._why or why
            for wire in self._wires:
                wire.close()
        self._let_go()
        self._news.set()

    def _breach(self, why: str) -> None:
        """End the sandbox from the watchdog's thread, even while the grader is busy."""
        self._why = self._why or why  # before the guard can tell that it killed
        self._let_go()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._kill, why)

    # --- what arrives

    def _on_leash(self) -> None:
        assert self._leash_socket is not None
        try:
            data, ancillary, _, _ = self._leash_socket.recvmsg(1 << 16, 1024)
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        sender = 0
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._ends += struct.unpack(f"{len(content) // 4}i", content[: len(content) // 4 * 4])
            elif (level, kind) == (socket.SOL_SOCKET, getattr(socket, "SCM_CREDENTIALS", -1)):
                sender = struct.unpack("3i", content[:12])[0]
        if not data:
            self._hung_up = True
            self._loop.remove_reader(self._leash_socket)
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            words = json.loads(line)  # from our own code
            self._words |= words
            if "first" in words:
                self._first = sender or int(words["first"])
        self._news.set()

    def _on_errors(self) -> None:
        """Take what is written to the kernel's own standard error: why it died, or a flood."""
        try:
            data = os.read(self._errors, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._errors)
            return
        self._wrote += data
        del self._wrote[:-4000]
        self._count(len(data))

    def _on_lost(self) -> None:
        self._broken = True
        self._news.set()

    def _count(self, size: int) -> bool:
        """Count bytes that arrived; return whether that is still within the limit."""
        self._bytes += size
        if self._bytes > self._allowed and not self._killed:
            self._kill(f"wrote more than {_size(self._allowed)} of output")
        return not self._killed

    def _ask(self, kind: str, content: dict[str, Any]) -> _Said:
        self._counter += 1
        identity = f"{self._session}-{self._counter}-{secrets.token_hex(8)}"
        header = {
            "msg_id": identity,
            "msg_type": kind,
            "session": self._session,
            "username": "grader",
            "date": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime()),
            "version": "5.3",
        }
        parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        self._said = _Said(identity)
        self._wires[0].send([_DELIMITER, self._sign(parts), *parts])
        return self._said

    def _sign(self, parts: Sequence[bytes]) -> bytes:
        return hmac.new(self._key, b"".join(parts), hashlib.sha256).hexdigest().encode()

    def _parse(self, frames: list[bytes]) -> tuple[str, dict[str, Any]] | None:
        """Return type and content of a message that belongs to the running request, else None."""
        if self._said is None or _DELIMITER not in frames[:-5]:
            return None
        place = frames.index(_DELIMITER)
        signature, *parts = frames[place + 1 : place + 6]
        if len(parts) != 4 or not hmac.compare_digest(signature, self._sign(parts)):
            return None
        try:
            header, parent = json.loads(parts[0]), json.loads(parts[1])
            if not (isinstance(header, dict) and isinstance(parent, dict)):
                return None
            if parent.get("msg_id") != self._said.identity:
                return None
            kind, content = header.get("msg_type"), json.loads(parts[3])
        except (ValueError, RecursionError, MemoryError):
            return None
        return (kind, content) if isinstance(kind, str) and isinstance(content, dict) else None

    def _on_shell(self, frames: list[bytes]) -> None:
        message = self._parse(frames)
        if message is None or self._said is None or not message[0].endswith("_reply"):
            return
        self._said.reply = message[1]
        if message[1].get("status") not in (None, "ok"):
            self._take_error(message[1])
        self._news.set()

    def _on_iopub(self, frames: list[bytes]) -> None:
        message = self._parse(frames)
        if message is None or self._said is None:
            return
        kind, content = message
        if kind == "stream" and isinstance(content.get("text"), str):
            self._said.text.append(content["text"])
        elif kind == "error":
            self._take_error(content)
        elif kind == "display_data":
            data = content.get("data")
            if isinstance(data, dict) and MIME in data:
                with contextlib.suppress(ValueError, RecursionError, MemoryError):
                    self._said.answers.append(json.dumps(data[MIME]))
        elif kind == "status" and content.get("execution_state") == "idle":
            self._said.idle = True
            self._news.set()

    def _take_error(self, content: dict[str, Any]) -> None:
        """Keep the first exception that is told."""
        if self._said is None or self._said.error:
            return
        name, value = (content.get(each) for each in ("ename", "evalue"))
        words = [_plain(each) for each in (name, value) if isinstance(each, str) and each.strip()]
        self._said.error = kernels.one_line(": ".join(words), _ERROR) or "an error without a name"
        lines = content.get("traceback")
        if isinstance(lines, list):
            text = "\n".join(line for line in lines if isinstance(line, str))
            self._said.traceback = _cut(_plain(text), _TRACEBACK)


# --- the factory


class Sandboxes:
    """Makes sandboxes, one for each submission; as many at a time as are asked for.

    Parameters
    ----------
    files : mapping of str to bytes
        What stands in a folder inside, by name, not to be changed. ``given.json`` holds the inputs.
    limits : Limits
    setup : sequence of str
        Code that runs in each sandbox before a student's does. Ours, and trusted.
    sandboxed : bool
        False: the same kernels, without bubblewrap. The code can then do what the grader can.
    preload : sequence of str
        Modules that are imported once, before the sandboxes are forked.
    warm : bool
        False: a server of its own for each sandbox, without preloaded modules.
    bwrap : str
        The program.

    Examples
    --------
    >>> async with Sandboxes(files, Limits(), setup) as factory:  # doctest: +SKIP
    ...     async with factory.fresh() as sandbox:
    ...         results = await sandbox.run([Step("cell", "print(1)")])
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        limits: Limits | None = None,
        setup: Sequence[str] = (),
        sandboxed: bool = True,
        preload: Sequence[str] = (),
        *,
        warm: bool = True,
        bwrap: str = "bwrap",
    ) -> None:
        self._files, self._limits, self._setup = dict(files), limits or Limits(), tuple(setup)
        self._sandboxed, self._warm, self._bwrap = sandboxed, warm and sandboxed, bwrap
        self._preload = ("ipykernel.kernelapp", *preload) if self._warm else ()
        self._idle: list[_Server] = []
        self._numbers = 0

    async def __aenter__(self) -> Sandboxes:
        _prepare(self._setup)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            self._idle.pop().close()

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator[Sandbox]:
        """Give a sandbox that nobody has used, in which the setup has run; end it afterwards.

        Raises
        ------
        Fault
            It cannot be made, or the setup fails.
        """
        server = await self._server()
        sandbox: Sandbox | None = None
        healthy = False
        try:
            sandbox = Sandbox(server, self._limits)
            await sandbox._open(self._setup)
            yield sandbox
        finally:
            try:
                if sandbox is not None:
                    healthy = await sandbox._close()
            finally:
                if healthy and self._warm:
                    self._idle.append(server)
                else:
                    server.close()

    async def _server(self) -> _Server:
        """Return a server that has imported what it shall, a used one where there is one."""
        while self._idle:
            server = self._idle.pop()
            if server.alive:
                return server
            server.close()
        self._numbers += 1
        server = _Server(
            self._files, self._preload, sandboxed=self._sandboxed, bwrap=self._bwrap, number=self._numbers
        )
        server.control.setblocking(False)
        try:
            loop = asyncio.get_running_loop()
            ready = await asyncio.wait_for(loop.sock_recv(server.control, 1 << 16), self._limits.start)
        except (TimeoutError, OSError) as error:
            words = f"the sandbox does not start in {self._limits.start:g} s: {server.said()}"
            server.close()
            raise Fault(words) from error
        except BaseException:
            server.close()
            raise
        if not ready:
            words = f"the sandbox does not start: {server.said()}. `lecture doctor` says what it needs."
            server.close()
            raise Fault(words)
        server.control.setblocking(True)
        threads = int(json.loads(ready)["threads"])
        if threads > 1 and self._preload:
            server.close()
            warnings.warn(
                f"the packages start {threads - 1} threads when they are imported, so that each sandbox "
                "imports them anew: grading takes longer, and gives the same marks",
                stacklevel=2,
            )
            self._warm, self._preload = False, ()
            return await self._server()
        return server


def _prepare(setup: Sequence[str]) -> None:
    """Draw the embedded data sets that the setup loads, once and outside, into the cache."""
    text = "\n".join(setup)
    names = [name for name in ("mnist", "fashion", "glyphs") if re.search(rf"\b{name}\(\)", text)]
    if not names:
        return
    code = "; ".join(f"datasets.{name}()" for name in names)
    environment = {**os.environ, "LECTURE_DATA": "embedded", "PYTHONWARNINGS": "ignore"}
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # each sandbox draws them itself then
        subprocess.run(
            [sys.executable, "-c", f"from lecture_utils import datasets; {code}"],
            env=environment,
            capture_output=True,
            timeout=300,
        )
