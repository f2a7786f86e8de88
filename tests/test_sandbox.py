"""The sandbox holds what is thrown at it: for root and for an ordinary user, warm and cold."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lecture_utils.grading import launch, sandbox, values
from lecture_utils.grading.sandbox import Fault, Limits, Ran, Sandboxes, Step

ROOT = Path(__file__).resolve().parent.parent
MISSING = sandbox.missing()
needs_sandbox = pytest.mark.skipif(bool(MISSING), reason=MISSING)
QUICK = Limits(cpu=20, wall=30, memory=1 << 30)
SCRATCH = sandbox._scratch()  # /tmp, or another folder where this workbook lies below it


def many(
    submissions: Sequence[Sequence[str]], limits: Limits = QUICK, *, files: Any = None, **more: Any
) -> list[list[Ran]]:
    """Run each submission's cells in a fresh sandbox of one factory."""

    async def main() -> list[list[Ran]]:
        async with Sandboxes(files or {}, limits, **more) as factory:
            results = []
            for codes in submissions:
                async with factory.fresh() as box:
                    steps = [
                        Step(str(number), textwrap.dedent(code).replace("SCRATCH", SCRATCH))
                        for number, code in enumerate(codes)
                    ]
                    results.append(await box.run(steps))
            return results

    return asyncio.run(main())


def ran(*codes: str, limits: Limits = QUICK, **more: Any) -> list[Ran]:
    return many([codes], limits, **more)[0]


def told(*codes: str, **more: Any) -> Any:
    """Return what the last cell printed, as JSON, after checking that all went well."""
    results = ran(*codes, **more)
    assert not [result for result in results if result.error or result.ended], results
    return json.loads(results[-1].text)


def ended(code: str, limits: Limits = QUICK, **more: Any) -> str:
    """Return why a cell ended its sandbox; the next submission is not touched by it."""
    first, second = many([[code, "print('never')"], ["print('fresh')"]], limits, **more)
    assert len(first) == 1, first
    assert second[0].text == "fresh\n"
    return first[0].ended


def processes(word: str) -> list[int]:
    """Return the processes of this machine whose command line holds a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes() and path.parent.name != str(os.getpid()):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def gone(word: str, seconds: float = 10) -> bool:
    """Wait until no process has a word in its command line."""
    end = time.monotonic() + seconds
    while processes(word) and time.monotonic() < end:
        time.sleep(0.05)
    return not processes(word)


def test_a_sandbox_can_be_made_wherever_bubblewrap_works() -> None:
    plain = ["bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--unshare-net", "--proc", "/proc", "true"]
    if not shutil.which("bwrap") or os.geteuid() != 0 or subprocess.run(plain, check=False).returncode != 0:
        pytest.skip(MISSING or "only root knows that it must work")
    assert MISSING == ""


# --- what comes back


@needs_sandbox
def test_a_step_tells_text_errors_and_answers() -> None:
    given = {"given.json": values.dumps({"task": {"x": 2.5}}).encode()}
    results = ran(
        "import sys; print('a\\x1b[31mb\\x00c'); print('d', file=sys.stderr)",
        "emit('task', 'double', lambda: 2 * given('task')['x']); 'not an answer'",
        "1 / 0",
        "input()",
        "print(x)",
        setup=["from lecture_utils.grading.inside import emit, given", "x = 'from the setup'"],
        files=given,
    )
    assert [result.name for result in results] == list("01234")
    assert results[0].text == "abc\nd\n"
    assert [json.loads(answer)["value"] for answer in results[1].answers] == [5.0]
    assert results[1].text == ""
    assert results[2].error == "ZeroDivisionError: division by zero"
    assert "1 / 0" in results[2].traceback
    assert "\x1b" not in results[2].traceback
    assert results[3].error.startswith("StdinNotImplementedError")
    assert results[4].text == "from the setup\n"
    assert not any(result.ended for result in results)


@needs_sandbox
def test_long_texts_are_cut() -> None:
    results = ran(
        "print('x' * 50_000 + 'end')",
        "raise ValueError('y' * 50_000)",
    )
    assert len(results[0].text) <= 10_000
    assert results[0].text.endswith("end\n")
    assert len(results[1].error) <= 300
    assert len(results[1].traceback) <= 5_000


@needs_sandbox
def test_limits_count_anew_for_each_task_and_a_sandbox_serves_several() -> None:
    async def main() -> list[Ran]:
        async with Sandboxes({}, QUICK) as factory, factory.fresh() as box:
            burn = "import time; end = time.process_time() + 0.6\nwhile time.process_time() < end: pass"
            few = Limits(cpu=1, wall=30, output=100_000)
            results = [(await box.run([Step("burn", burn)], few))[0] for _ in range(3)]
            noise = [Step("noise", "print('x' * 60_000)")]
            results += [(await box.run(noise, few))[0] for _ in range(3)]
            assert box.alive
            return results

    results = asyncio.run(main())
    assert not any(result.ended or result.error for result in results)
    assert all(0.5 < result.cpu < 1 for result in results[:3])


# --- what it can see and do


@needs_sandbox
def test_it_sees_the_packages_and_nothing_of_the_repository_or_of_anybody_s_home() -> None:
    seen = told(
        f"""
        import json, os
        print(json.dumps({{
            "root": sorted(os.listdir("/")), "repository": sorted(os.listdir({str(ROOT)!r})),
            "home": os.path.exists({str(Path.home() / ".cache")!r}), "etc": sorted(os.listdir("/etc")),
            "run": os.listdir("/run"), "lecture": os.listdir("/run/lecture"), "var": os.listdir("/var"),
            "passwd": open("/etc/passwd").read(), "dev": sorted(os.listdir("/dev")),
            "processes": [name for name in os.listdir("/proc") if name.isdigit()],
            "environment": sorted(os.environ), "tmp": os.listdir("SCRATCH"),
        }}))
        """,
        files={"given.json": b"{}"},
    )
    here = Path(sys.prefix)
    assert set(seen["repository"]) <= {"lecture_utils", here.name if here.parent == ROOT else ""}
    assert not {"home", "mnt", "media", "srv", "sys", "opt", "boot"} & set(seen["root"]) - {
        Path(part).parts[1] for part in (sys.prefix, sys.base_prefix, str(ROOT))
    }
    assert not seen["home"]
    assert set(seen["etc"]) <= {
        "alternatives",
        "fonts",
        "group",
        "hosts",
        "ld.so.cache",
        "nsswitch.conf",
        "passwd",
    }
    assert set(seen["run"]) <= {"data", "lecture"}
    assert (seen["lecture"], seen["var"]) == (["given.json"], ["tmp"] if SCRATCH == "/tmp" else [])
    assert [line.split(":")[0] for line in seen["passwd"].splitlines()] == ["root", "student"]
    assert seen["dev"] == sorted(
        ["fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom"]
    )
    assert len(seen["processes"]) <= 3
    assert seen["tmp"] == ["home"]
    assert not [name for name in seen["environment"] if "TOKEN" in name or "KEY" in name or "SSH" in name]


@needs_sandbox
def test_nothing_can_be_written_but_the_private_folders() -> None:
    tried = told(
        f"""
        import json, os
        def attempt(path):
            try:
                with open(path, "a") as file:
                    file.write("x")
                return True
            except OSError:
                return False
        folders = ["/", "/usr", "/usr/lib", "/etc", "/dev", "/run", "/run/lecture", "/var", "/root", "/home"]
        folders += [{sys.prefix!r}, {sys.base_prefix + "/lib"!r}]
        folders += [{str(ROOT)!r}, {str(ROOT / "lecture_utils")!r}]
        paths = [folder + "/new" for folder in folders] + ["/run/lecture/given.json", "/etc/passwd"]
        paths += ["/proc/sys/kernel/hostname", "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger"]
        paths += [{str(ROOT / "lecture_utils/errors.py")!r}, "/proc/1/mem"]
        print(json.dumps([[path for path in paths if attempt(path)],
                          [attempt("SCRATCH/new"), attempt("/dev/shm/new"), attempt("/var/tmp/new")]]))
        """,
        files={"given.json": b"{}"},
    )
    assert tried == [[], [True, True, SCRATCH == "/tmp"]]
    assert not (ROOT / "new").exists()


@needs_sandbox
def test_it_has_no_rights_and_cannot_get_any() -> None:
    found = told(
        """
        import ctypes, json, os
        libc = ctypes.CDLL(None, use_errno=True)
        status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
        def refused(name, *arguments):
            return getattr(libc, name)(*arguments) == -1
        print(json.dumps({
            "capabilities": [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
            "privileges": status["NoNewPrivs"], "filter": status["Seccomp"], "user": os.getuid(),
            "groups": os.getgroups(),
            "refused": [refused("unshare", 0x10000000), refused("unshare", 0x20000),
                        refused("mount", b"none", b"/tmp", b"tmpfs", 0, None), refused("ptrace", 16, 1, 0, 0),
                        refused("setuid", 0), refused("memfd_create", b"x", 0), refused("chroot", b"/tmp"),
                        refused("umount2", b"/tmp", 2), refused("shmget", 0, 4096, 0o600),
                        refused("syscall", 250 if os.uname().machine == "x86_64" else 219, 0, -3, 0)],
            "namespaces": open("/proc/sys/user/max_user_namespaces").read().strip(),
            "setuid programs": os.system("su -c true 2>/dev/null </dev/null") != 0,
            "signals": os.system("kill -9 1; kill -INT 1; kill -STOP 1; kill -0 1") == 0,
        }))
        """
    )
    assert found["capabilities"] == ["0" * 16] * 5
    assert (found["privileges"], found["user"]) == ("1", 1000)
    assert found["filter"] == ("2" if os.uname().machine in ("x86_64", "aarch64") else "0")
    assert all(found["refused"]), found
    assert found["namespaces"] == "0"
    assert found["setuid programs"]
    assert found["signals"]


@needs_sandbox
@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="there is no seccomp filter")
def test_it_has_no_rights_over_process_1_and_no_memory_or_locks_beyond_the_limits() -> None:
    tried = told(
        """
        import ctypes, errno, fcntl, json, mmap, os, resource
        libc = ctypes.CDLL(None, use_errno=True)
        column = ("x86_64", "aarch64").index(os.uname().machine)
        def refused(call, *arguments):
            try:
                call(*arguments)
            except OSError as error:
                return error.errno in (errno.EPERM, errno.ENOSYS, errno.ENOENT)
            return False
        def call(numbers, *arguments):
            if libc.syscall(ctypes.c_long(numbers[column]), *map(ctypes.c_long, arguments)) == -1:
                raise OSError(ctypes.get_errno(), "")
        usr, own = open("/usr/bin/env", "rb"), open("SCRATCH/own", "w+b")
        own.write(bytes(4096)); own.flush()
        lock = lambda command: fcntl.fcntl(own, command, bytes(32))
        results = {
            "limits of 1": refused(resource.prlimit, 1, resource.RLIMIT_CPU, (0, 0)),
            "limits of itself by number": refused(resource.prlimit, os.getpid(), resource.RLIMIT_CPU),
            "shared": refused(mmap.mmap, -1, 4096),
            "shared, validated": refused(mmap.mmap, -1, 4096, 0x23),
            "zero": refused(open, "/dev/zero", "r+b"),
            "flock": refused(fcntl.flock, usr, fcntl.LOCK_SH),
            "setlk": refused(fcntl.lockf, usr, fcntl.LOCK_SH),
            "ofd": refused(lock, 37), "ofd, waiting": refused(lock, 38), "waiting": refused(lock, 7),
            "lease": refused(fcntl.fcntl, usr, 1024, fcntl.F_RDLCK), "notify": refused(lock, 1026),
            "inotify": refused(call, (294, 26), 0), "older": refused(call, (253, 26), 0),
            "fanotify": refused(call, (300, 262), 0, 0),
            "aio": refused(call, (206, 0), 1, ctypes.addressof(ctypes.c_long(0))),
        }
        allowed = {
            "limits": refused(resource.setrlimit, resource.RLIMIT_CORE, (0, 0)),
            "private": refused(mmap.mmap, -1, 4096, 0x22),
            "of a file": refused(mmap.mmap, own.fileno(), 4096),
            "fcntl": refused(fcntl.fcntl, own, fcntl.F_GETFL),
        }
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
        print(json.dumps([[name for name in results if not results[name]],
                          [name for name in allowed if allowed[name]], descriptors]))
        """
    )
    assert tried == [[], [], [256, 256]]


@needs_sandbox
def test_descriptors_on_the_way_hold_up_no_descriptor_of_another_sandbox() -> None:
    code = """
        import array, errno, os, socket
        kept, sent = [], 0
        try:
            while sent < 5000:
                kept.append(socket.socketpair())
                sent += 200
                numbers = array.array("i", [1] * 200).tobytes()
                kept[-1][0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
        except OSError as error:
            print(error.errno == errno.ETOOMANYREFS, sent < 1000)
    """

    async def main() -> list[str]:
        async with Sandboxes({}, QUICK) as factory, factory.fresh() as box:
            first = await box.run([Step("", textwrap.dedent(code))])
            async with factory.fresh() as other:
                return [first[0].text, (await other.run([Step("", "print('fresh')")]))[0].text]

    assert asyncio.run(main()) == ["True True\n", "fresh\n"]


def test_descriptors_that_do_not_arrive_are_told_at_once() -> None:
    here, there = socket.socketpair()
    with here:
        there.close()
        launch._tell(here, ready=True)
        with pytest.raises(OSError, match="pipe"):
            launch._tell(here, (0,), ready=True)


@needs_sandbox
def test_it_has_no_network_and_cannot_reach_the_host() -> None:
    name = f"lecture-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as abstract, socket.create_server(("127.0.0.1", 0)) as listener:
        abstract.bind("\0" + name)
        abstract.listen()
        port = listener.getsockname()[1]
        reached = told(
            f"""
            import json, socket
            def reaches(family, address):
                try:
                    with socket.socket(family) as end:
                        end.settimeout(3)
                        end.connect(address)
                    return True
                except OSError:
                    return False
            print(json.dumps([
                reaches(socket.AF_INET, ("127.0.0.1", {port})), reaches(socket.AF_INET, ("1.1.1.1", 53)),
                reaches(socket.AF_INET, ("169.254.169.254", 80)),
                reaches(socket.AF_INET6, ("2001:db8::1", 53)),
                reaches(socket.AF_UNIX, "\\0{name}"), reaches(socket.AF_VSOCK, (2, 1024)),
                [each for _, each in socket.if_nameindex() if each != "lo"],
            ]))
            """
        )
    assert reached == [False] * 6 + [[]]


@needs_sandbox
def test_the_kernel_has_no_descriptor_of_the_grader_or_of_the_server() -> None:
    found = told(
        """
        import json, os, re, socket, struct
        kinds, outside = [], []
        for name in os.listdir("/proc/self/fd"):
            try:
                kinds.append(re.sub(r":.*|/fd/.*", "", os.readlink("/proc/self/fd/" + name)))
            except OSError:
                pass
            try:
                end = socket.socket(fileno=os.dup(int(name)))
                peer = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                if end.family == socket.AF_UNIX and struct.unpack("3i", peer)[0] == 0:
                    outside.append(name)  # its other end does not belong to this namespace
            except OSError:
                pass
        maps = [line.split()[1] for line in open("/proc/self/maps")]
        shared = [each for each in maps if each[1] == "w" and each[3] == "s"]
        print(json.dumps([sorted(set(kinds)), shared, outside]))
        """
    )
    assert set(found[0]) <= {"/dev/null", "anon_inode", "pipe", "socket", "/proc/2"}
    assert found[1:] == [[], []]


@needs_sandbox
def test_no_submission_sees_another_one() -> None:
    leave = """
        import math, os, random, subprocess, sys
        import numpy as np
        math.pi = 3; os.environ["LEFT"] = "1"; sys.modules["left"] = math
        open("SCRATCH/left", "w").write("x"); open("/dev/shm/left", "w").write("x")
        subprocess.Popen(["sleep", "86400"], start_new_session=True)
        print(random.random(), np.random.random())
    """
    look = """
        import math, os, random, sys
        import numpy as np
        print(random.random(), np.random.random())
        numbers = [name for name in os.listdir("/proc") if name.isdigit()]
        print(math.pi == 3, "LEFT" in os.environ, "left" in sys.modules, os.listdir("SCRATCH"),
              os.listdir("/dev/shm"),
              [number for number in numbers if "sleep" in open(f"/proc/{number}/cmdline").read()])
    """
    first, second = many([[leave], [look]], preload=("random", "math", "numpy.random"))
    numbers, rest = second[0].text.split("\n", 1)
    assert rest == "False False False ['home'] [] []\n"
    assert not set(numbers.split()) & set(first[0].text.split())


@needs_sandbox
def test_a_warm_start_and_a_cold_one_give_the_same() -> None:
    code = """
        import json, os, sys
        kept = ("Cap", "Uid", "Gid", "Sec", "NoN")
        status = [line for line in open("/proc/self/status") if line.startswith(kept)]
        limits = sorted(__import__("resource").getrlimit(kind) for kind in range(10))
        mounts = [line.split()[4:6] for line in open("/proc/self/mountinfo")]
        print(json.dumps([dict(os.environ), os.getcwd(), sys.path, sorted(os.listdir("/")),
                          os.listdir("/dev"), status, os.umask(0), hash("x"), limits, mounts]))
    """
    assert told(code, warm=True, preload=("json", "numpy")) == told(code, warm=False)


# --- limits


@needs_sandbox
def test_a_fork_bomb_is_bounded_and_nothing_of_it_is_left() -> None:
    word = f"86401.{os.getpid()}"
    results = ran(
        f"""
        import os
        count = status = 0
        while not status and count < 5000:
            if os.fork() == 0:
                try:
                    os.setsid()
                    if os.fork() == 0:
                        os.execvp("sleep", ["sleep", "{word}"])
                except BlockingIOError:
                    os._exit(7)
                os._exit(0)
            _, status = os.wait()
            count += 1
        print(count, os.waitstatus_to_exitcode(status))
        """,
        limits=Limits(processes=64, cpu=20, wall=30),
    )
    count, status = results[0].text.split()
    assert status == "7"
    assert 20 < int(count) < 64
    assert gone(word)


@needs_sandbox
def test_a_fork_bomb_that_spins_is_ended() -> None:
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    assert "processor time" in ended(bomb, Limits(cpu=1, wall=30, processes=64))


@needs_sandbox
def test_a_memory_bomb_gets_a_memory_error() -> None:
    first, second = ran("x = bytearray(2 << 30)", "print('goes on')")
    assert first.error.startswith("MemoryError")
    assert second.text == "goes on\n"


@needs_sandbox
@pytest.mark.parametrize(
    "code",
    [
        "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n"
        "        x = bytearray(b'x') * (200 << 20)\n        time.sleep(60)\ntime.sleep(60)",
        "import mmap, time\nm = mmap.mmap(-1, 1 << 39, flags=0x4002, prot=mmap.PROT_READ)\n"
        "for place in range(0, 1 << 39, 1 << 21):\n    m[place]\ntime.sleep(60)",
    ],
    ids=["many processes", "page tables"],
)
def test_memory_that_no_limit_of_a_process_counts_is_counted(code: str) -> None:
    assert ended(code, Limits(cpu=20, wall=30, memory=512 << 20)) == "used more than 512 MB of memory"


@needs_sandbox
def test_memory_that_the_system_keeps_for_maps_is_counted() -> None:
    code = """
        import ctypes, mmap, os, time
        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_void_p
        start = libc.mmap(None, ctypes.c_size_t(60_000 * 4096), 0, 0x22, -1, ctypes.c_size_t(0))
        for place in range(0, 60_000, 2):
            libc.mprotect(ctypes.c_void_p(start + place * 4096), ctypes.c_size_t(4096), 1)
        for _ in range(40):
            if os.fork() == 0:
                break
        time.sleep(60)
    """
    why = ended(textwrap.dedent(code), Limits(cpu=20, wall=20, memory=512 << 20), preload=("ctypes",))
    assert why == "used more than 512 MB of memory"


@needs_sandbox
def test_nobody_in_it_leaves_the_place_of_the_first_to_go_without_memory() -> None:
    write = "open('/proc/self/oom_score_adj', 'w').write('0')"
    last = ran("import time", f"{write}\ntime.sleep(10)")[1]
    assert last.error.startswith("PermissionError") or last.ended == "changed oom_score_adj", last


@needs_sandbox
def test_the_watchdog_looks_closely_at_memory_for_a_fifth_of_the_time_and_no_longer_than_it_must(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = []

    def share(number: int) -> int:
        looked.append(number)
        time.sleep(0.005)
        return 10

    monkeypatch.setattr(sandbox, "_share", share)
    monkeypatch.setattr(sandbox, "_maps", lambda number: 0)
    monkeypatch.setattr(sandbox, "_available", lambda: 1 << 40)
    watch = sandbox._Watch(os.getpid(), QUICK, lambda why: None, sandboxed=True)
    each = dict.fromkeys(range(10), 1000)
    start = time.monotonic()
    while time.monotonic() - start < 1:
        assert watch._memory(each, 500) in (100, 500)
    assert 10 < len(looked) <= 60  # each takes 5 ms: 40 in a second, and what is begun
    looked.clear()
    monkeypatch.setattr(sandbox, "_available", lambda: 0)  # memory is running out: it looks at once
    assert watch._memory(each, 35) > 35
    assert len(looked) == 4


@needs_sandbox
def test_memory_that_children_share_is_counted_once() -> None:
    code = (
        "import os, time\nx = bytearray(b'x') * (200 << 20)\n"
        "for _ in range(8):\n    if os.fork() == 0:\n        time.sleep(1); os._exit(0)\n"
        "time.sleep(1)\nprint('fine')"
    )
    assert ran(code, limits=Limits(cpu=20, wall=30, memory=768 << 20))[0].text == "fine\n"


@needs_sandbox
def test_private_folders_are_bounded_in_size_and_number_of_files() -> None:
    written = told(
        """
        import json, os
        def fill(folder):
            total = 0
            try:
                for number in range(40):
                    with open(f"{folder}/{number}", "wb", 0) as file:
                        while file.tell() < 4 << 20:
                            total += file.write(bytes(1 << 20))
            except OSError as error:
                return total, error.errno
        def crowd(folder):
            for number in range(100_000):
                try:
                    os.close(os.open(f"{folder}/e{number}", os.O_CREAT))
                except OSError:
                    return number
        results = [fill("SCRATCH"), fill("/dev/shm")]
        os.system("rm -rf SCRATCH/[0-9]* /dev/shm/*")
        results += [crowd("SCRATCH"), crowd("/dev/shm")]
        try:
            with open("SCRATCH/large", "wb") as file:
                file.truncate(1 << 30)
            results.append("a gigabyte")
        except OSError as error:
            results.append(error.errno)
        print(json.dumps(results))
        """,
        limits=Limits(disk=16 << 20),
    )
    for total, _ in written[:2]:
        assert 15 << 20 < total <= 16 << 20
    assert all(number < 20_000 for number in written[2:4])
    assert written[4] != "a gigabyte"


@needs_sandbox
def test_processor_time_is_counted_over_all_processes() -> None:
    loop = "while True: pass"
    assert ended(loop, Limits(cpu=0.7, wall=30)) == "used more than 0.7 s of processor time"
    children = (
        "import os\nwhile True:\n    if os.fork() == 0:\n"
        "        for _ in range(2_000_000): pass\n        os._exit(0)\n    os.wait()"
    )
    assert ended(children, Limits(cpu=1, wall=30)) == "used more than 1 s of processor time"


@needs_sandbox
def test_a_step_that_sleeps_is_ended_after_its_wall_time() -> None:
    start = time.monotonic()
    assert ended("import time; time.sleep(600)", Limits(wall=0.5)) == "took longer than 0.5 s"
    assert time.monotonic() - start < 20


def grader(body: str, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a grader in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body), *words],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        cwd=ROOT,
        **more,
    )


FLOODS = {
    "many small": "while True: print('x' * 100)",
    "no newline": "import sys\nwhile True: sys.stdout.write('x' * 100_000)",
    "one gigantic": "print('x' * 300_000_000)",
    "descriptor 2": "import os\nwhile True: os.write(2, b'x' * 65536)",
    "answers": "from IPython.display import publish_display_data\n"
    f"while True: publish_display_data({{'{sandbox.MIME}': 'x' * 1000}})",
    # What no kernel would send: a frame without an end, a message without an end, empty frames.
    "endless frame": "frame = bytes([2]) + (1 << 40).to_bytes(8, 'big') + bytes(65536)",
    "endless message": "frame = bytes([3]) + (65536).to_bytes(8, 'big') + bytes(65536)",
    "empty messages": "frame = bytes([0, 0]) * 30_000",
    "empty commands": "frame = bytes([4, 0]) * 30_000",
}
RAW = """
import os, socket, threading, time
def pour(end):
    while True:
        end.sendall(frame)
for descriptor in range(3, 60):
    try:
        end = socket.socket(fileno=os.dup(descriptor))
        if end.family == socket.AF_UNIX and end.type == socket.SOCK_STREAM:
            end.getpeername()
            end.settimeout(60)
            threading.Thread(target=pour, args=(end,), daemon=True).start()
    except OSError:
        pass
time.sleep(600)
"""


@needs_sandbox
def test_a_flood_ends_the_sandbox_and_leaves_the_grader_s_memory_alone() -> None:
    codes = {name: code + (RAW if code.startswith("frame") else "") for name, code in FLOODS.items()}
    done = grader(
        """
        import asyncio, json, re, sys
        from lecture_utils.grading.sandbox import Limits, Sandboxes, Step
        def peak():
            return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
        async def main():
            async with Sandboxes({}, Limits(cpu=30, wall=40, output=2 << 20)) as factory:
                async with factory.fresh() as box:
                    await box.run([Step("", "print(1)")])
                before = peak()
                for name, code in json.loads(sys.argv[1]).items():
                    async with factory.fresh() as box:
                        ran = await box.run([Step(name, code)])
                        print(json.dumps([name, ran[0].ended, len(ran[0].text), peak() - before]))
        asyncio.run(main())
        """,
        json.dumps(codes),
    )
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, *_ in results] == list(FLOODS)
    for name, why, size, growth in results:
        assert why in ("wrote more than 2 MB of output", "broke the connection to the grader"), (name, why)
        assert why.startswith("wrote") or name.startswith(("endless", "empty")), (name, why)
        assert size <= 10_000
        assert growth < 60, (name, growth)


@needs_sandbox
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os._exit(3)", r"exit status 3"),
        ("import os; os.abort()", r"SIGABRT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", r"SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", r"SIGSEGV"),
        ("import os; os.closerange(3, 1000)", r"ended Python itself|broke the connection"),
        ("import os; os.system('kill -9 -1')", r"SIGKILL"),
    ],
    ids=["_exit", "abort", "kill", "segfault", "close all", "kill all"],
)
def test_a_kernel_that_dies_is_the_student_s_doing(code: str, words: str) -> None:
    assert re.search(words, ended(code))


@needs_sandbox
def test_hostile_messages_are_ignored() -> None:
    forged = """
        import json, os, zmq
        kernel = get_ipython().kernel
        session, parent = kernel.session, kernel.get_parent("shell")
        socket = kernel.iopub_socket
        def send(*parts):
            socket.send_multipart([b"x", b"<IDS|MSG>", *parts])
        def signed(*parts):
            send(session.sign(parts), *parts)
        head, body = (json.dumps({"msg_id": "1", "msg_type": kind}).encode() for kind in ("stream", "error"))
        about = json.dumps({"msg_id": parent["header"]["msg_id"]}).encode()
        deep = b"[" * 100_000 + b"]" * 100_000
        send(b"wrong signature", head, about, b"{}", b'{"text": "forged"}')
        send(b"")
        socket.send_multipart([b""])
        socket.send_multipart([b"<IDS|MSG>"] * 8)
        parts = [b"", b"\\xff", b"null", b"[]", b"1e999", b"9" * 10_000, b'"x"', deep]
        for part in [*parts, b'{"text": 5}', b'{"text": null}']:
            signed(head, about, b"{}", part)
            signed(part, about, b"{}", b"{}")
            signed(head, part, b"{}", b"{}")
            signed(body, about, b"{}", part)
        signed(body, about, b"{}", b'{"ename": {}, "evalue": [], "traceback": "x"}')
        signed(b'{"msg_type": "display_data"}', about, b"{}", b'{"data": "application"}')
        signed(b'{"msg_type": ["display_data"]}', about, b"{}", b"{}")
        signed(head, about, b"{}", b'{"text": "half a character: \\ud800 "}')
        signed(head, b'{"msg_id": "another"}', b"{}", b'{"text": "of another step"}')
        print("honest")
    """
    idle = """
        session.send(socket, "status", {"execution_state": "idle"}, parent=parent, ident=b"status")
        print("after a forged end")
    """
    first, second, third = ran(forged, idle, "print('still here')")
    assert first.text.endswith("half a character: ? honest\n")
    assert "forged" not in first.text
    assert "of another step" not in first.text
    assert [each.ended for each in (first, second, third)] == ["", "", ""]
    assert third.text.endswith("still here\n")


# --- faults of ours


@needs_sandbox
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"bwrap": "/nowhere/bwrap"}, "No such file"),
        ({"bwrap": "false"}, "does not start"),
        ({"setup": ["1 / 0"]}, "setup of the exercise failed.*ZeroDivisionError"),
        ({"setup": ["import os; os._exit(1)"]}, "setup of the exercise failed.*exit status 1"),
        ({"preload": ["no_such_module"]}, "No module named 'no_such_module'"),
        ({"limits": Limits(start=0.01)}, "does not start in 0.01 s|did not start in 0.01 s"),
    ],
    ids=["no bwrap", "bwrap fails", "setup raises", "setup dies", "preload fails", "too slow"],
)
def test_what_goes_wrong_before_a_student_s_code_runs_is_a_fault(more: dict[str, Any], words: str) -> None:
    with pytest.raises(Fault, match=words) as caught:
        ran("print(1)", **more)
    assert "\n" not in str(caught.value)


@needs_sandbox
def test_a_sandbox_that_is_killed_from_outside_is_a_fault_and_the_next_one_is_sound() -> None:
    async def main() -> None:
        async with Sandboxes({}, QUICK) as factory:
            for victim in ("bubblewrap", "first process"):
                with pytest.raises(Fault, match="killed from outside"):  # noqa: PT012
                    async with factory.fresh() as box:
                        running = asyncio.create_task(box.run([Step("", "import time; time.sleep(60)")]))
                        await asyncio.sleep(0.3)
                        number = box._server.process.pid if victim == "bubblewrap" else box._first
                        os.kill(number, signal.SIGKILL)
                        await running
                async with factory.fresh() as box:
                    assert (await box.run([Step("", "print('fresh')")]))[0].text == "fresh\n"

    asyncio.run(main())


@needs_sandbox
def test_sandboxes_run_side_by_side_and_a_cancelled_one_leaves_nothing() -> None:
    word = f"86402.{os.getpid()}"

    async def main() -> None:
        async with Sandboxes({}, QUICK) as factory:

            async def one(number: int) -> str:
                async with factory.fresh() as box:
                    return (await box.run([Step("", f"import time; time.sleep(0.5); print({number})")]))[
                        0
                    ].text

            start = time.monotonic()
            assert await asyncio.gather(*map(one, range(3))) == ["0\n", "1\n", "2\n"]

            async def sleeper() -> None:
                async with factory.fresh() as box:
                    await box.run([Step("", f"import os; os.system('sleep {word}')")])

            assert time.monotonic() - start < 20
            task = asyncio.create_task(sleeper())
            while not processes(f"sleep\0{word}"):
                await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert gone(word)
            assert await one(4) == "4\n"

    asyncio.run(main())


# --- the host


KILLED = """
import asyncio, os, sys
from lecture_utils.grading.sandbox import Limits, Sandboxes, Step
async def main():
    async with Sandboxes({}, Limits(), sandboxed=sys.argv[2] == "sandboxed") as factory:
        async with factory.fresh() as box:
            code = f"os.setsid(); os.execvp('sleep', ['sleep', '{sys.argv[1]}'])"
            await box.run([Step("", f"import os\\nif os.fork() == 0:\\n    {code}")])
            print("running", flush=True)
            await box.run([Step("", "import time; time.sleep(600)")])
asyncio.run(main())
"""


@needs_sandbox
def test_a_killed_grader_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    word = f"86403.{os.getpid()}"
    command = [sys.executable, "-c", KILLED, word, "sandboxed"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        assert processes(word)
        process.kill()
    assert gone(word)
    assert not list(tmp_path.iterdir())


@needs_sandbox
def test_the_host_is_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    descriptors = len(os.listdir("/proc/self/fd"))
    word = f"86404.{os.getpid()}"
    ran(
        f"import subprocess; subprocess.Popen(['sleep', '{word}'], start_new_session=True)",
        "open('/tmp/x', 'w')",
    )
    assert gone(word)
    assert not list(tmp_path.iterdir())
    assert len(os.listdir("/proc/self/fd")) <= descriptors


@pytest.mark.skipif(os.name != "posix", reason="kernels of this kind need UNIX")
def test_without_a_sandbox_the_limits_that_can_be_kept_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    word = f"86406.{os.getpid()}"
    first, second = ran(
        "import os, subprocess; print(os.getuid(), os.environ['LECTURE_DATA'])\n"
        f"subprocess.Popen(['sleep', '{word}'], start_new_session=True)",
        "while True: pass",
        limits=Limits(cpu=0.5, wall=20),
        sandboxed=False,
    )
    assert first.text == f"{os.getuid()} embedded\n"
    assert second.ended == "used more than 0.5 s of processor time"
    assert gone(word)
    results = ran("while True: print('x' * 1000)", limits=Limits(output=1 << 20), sandboxed=False)
    assert results[0].ended == "wrote more than 1 MB of output"
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_killed_grader_without_a_sandbox_leaves_a_folder_that_the_next_one_sweeps(tmp_path: Path) -> None:
    word = f"86405.{os.getpid()}"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    others = tmp_path / f"lecture-sandbox-{os.getpid()}-1-x"
    kept = tmp_path / "lecture-sandbox-notes"
    kept.mkdir()
    others.mkdir()
    command = [sys.executable, "-c", KILLED, word, "bare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        process.kill()
    for number in processes(word):  # nothing but bubblewrap ends a process that goes its own way
        os.kill(number, signal.SIGKILL)
    left = [path for path in tmp_path.iterdir() if path not in (others, kept)]
    assert left
    code = "from lecture_utils.grading import sandbox; sandbox._private_folder().rmdir()"
    assert grader(code, env=environment).returncode == 0
    assert list(tmp_path.iterdir()) == [kept]
    assert gone("launch.py\0" + word)


def test_what_is_missing_is_said_in_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.platform, "system", lambda: "Darwin")
    assert "Linux only" in sandbox.missing()
    monkeypatch.setattr(sandbox.platform, "system", lambda: "Linux")
    apt = {"apt-get": "/usr/bin/apt-get"}
    monkeypatch.setattr(sandbox.shutil, "which", apt.get)
    assert re.search(r"bubblewrap is not installed: `(sudo )?apt-get install bubblewrap`", sandbox.missing())
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: "/bin/false")
    message = sandbox.missing()
    assert message.startswith("bubblewrap does not work here (")
    assert "\n" not in message


# --- an ordinary user


def ordinary() -> list[str]:
    """Return a command that runs the rest of the line as a user without rights who can read this Python."""
    needed = {
        Path(path).resolve() for path in (sys.prefix, sys.base_prefix, ROOT, os.path.dirname(sys.executable))
    }
    command = ["bwrap", "--dev-bind", "/", "/", "--die-with-parent"]
    closed = set()
    for path in needed:
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & 0o001:
                closed.add(parent)
                break
    for top in closed:
        command += ["--perms", "0755", "--tmpfs", str(top)]
        for path in sorted(path for path in needed if top in path.parents):
            for parent in reversed(path.parents):
                if top in parent.parents:
                    command += ["--perms", "0755", "--dir", str(parent)]
            command += ["--ro-bind", str(path), str(path)]
    command += ["--perms", "1777", "--tmpfs", "/tmp"]
    for path in sorted(path for path in needed if Path("/tmp") in path.parents):
        for parent in reversed(path.parents):
            if Path("/tmp") in parent.parents:
                command += ["--perms", "0755", "--dir", str(parent)]
        command += ["--ro-bind", str(path), str(path)]
    user = ["setpriv", "--reuid", "61190", "--regid", "61190", "--clear-groups", "--bounding-set", "-all"]
    return [*command, *user, "--inh-caps", "-all", "--no-new-privs", "env", "HOME=/tmp"]


@needs_sandbox
@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="all these tests run as an ordinary user here"
)
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv (util-linux) is not installed")
def test_the_same_holds_for_an_ordinary_user() -> None:
    probe = "from lecture_utils.grading import sandbox; print(sandbox.missing())"
    found = subprocess.run(
        [*ordinary(), sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT
    )
    assert found.returncode == 0, found.stderr
    if found.stdout.strip():
        pytest.skip(f"for an ordinary user: {found.stdout.strip()}")
    chosen = (
        "tells_text or sees_the_packages or nothing_can_be_written or no_rights or no_network "
        "or no_descriptor or sees_another or warm_start or fork_bomb_is or memory or private_folders "
        "or processor_time or dies or killed or host_is"
    )
    command = [
        *ordinary(),
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-k",
        chosen,
    ]
    done = subprocess.run(
        [*command, str(Path(__file__))], capture_output=True, text=True, cwd=ROOT, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout.splitlines()[-1]


# --- where the workbook lies


@needs_sandbox
def test_a_workbook_below_tmp_is_seen_and_the_private_folder_lies_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        package = Path(temporary) / "workbook" / "lecture_utils"
        shutil.copytree(ROOT / "lecture_utils", package, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setattr(sandbox, "_PACKAGE", package)
        monkeypatch.setattr(sandbox, "_LAUNCH", package / "grading" / "launch.py")
        code = """
            import json, lecture_utils, os, tempfile
            writable = []
            package = os.path.dirname(lecture_utils.__file__)
            for place in ("/tmp", "/var/tmp", package, "/", tempfile.gettempdir()):
                try:
                    open(os.path.join(place, "x"), "w").close()
                    writable.append(place)
                except OSError:
                    pass
            print(json.dumps([lecture_utils.__file__, writable, os.listdir("/tmp")]))
        """
        where, writable, seen = told(code)
        assert where == str(package / "__init__.py")
        assert writable == ["/scratch"]
        prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
        others = {path.parts[2] for path in prefixes if path.parts[1] == "tmp"}
        assert set(seen) - others == {Path(temporary).name}
