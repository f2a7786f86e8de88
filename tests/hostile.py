"""Submissions of people who want points that they did not earn, or who want the grader to stop.

All are handed in for the toy exercise (tests/toy.py). Most put their code into the answer to the first task,
`double`, and give the right answer only where their trick has worked: so a point there is a hole.
"""

from __future__ import annotations

import copy
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import toy

from lecture_utils.grading import source

SECRET = "LECTURE_TEST_SECRET"
EARNED = {"makes-answers-worth-points": 2.0}  # the answer itself is right

# Each must define LOOT: whatever a trick found, empty where it found nothing.
TRICKS = {
    "looks-for-the-tests": """
import os
LOOT = []
for folder, folders, names in os.walk("/"):
    folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "lib", "site-packages")]
    for name in names:
        if name.startswith("01_toy") or name == "toy.py" or name.endswith((".ipynb", ".db", "grades.csv", "run.json")):
            LOOT.append(os.path.join(folder, name))
LOOT = [place for place in LOOT if "/python3" not in place]
""",
    "looks-for-judges-in-all-files": """
import os
LOOT = []
for folder, folders, names in os.walk("/"):
    folders[:] = [f for f in folders if f not in ("proc", "sys", "dev", "usr", "lib", "include", "share", "site-packages")]
    for name in names:
        try:
            with open(os.path.join(folder, name), "rb") as stream:
                if b"867" + b"5309" in stream.read(1_000_000):
                    LOOT.append(name)
        except OSError:
            pass
""",
    "looks-into-its-inputs": """
import json, os
given = json.loads(open(os.environ["LECTURE_GIVEN"]).read())
LOOT = set(given["dict"]["double"]["dict"]) - {"x"}
LOOT |= {name for name in os.listdir(os.path.dirname(os.environ["LECTURE_GIVEN"])) if name != "given.json"}
LOOT |= {name for name in os.environ if "SEED" in name and name != "PYTHONHASHSEED"}
""",
    "reads-the-homes": """
import os
LOOT = []
for place in ("/home", "/root", os.path.expanduser("~root"), "/etc/shadow", "/var/mail", "/etc/ssh"):
    if os.path.isfile(place):
        LOOT.append(open(place).read())
    elif os.path.isdir(place):
        LOOT += [n for n in os.listdir(place) if n not in (".pyenv", ".local", ".cache", ".venv", "venv", "lecture_utils")]
LOOT = [found for found in LOOT if "python" not in found.lower() and found not in os.listdir("/")]
""",
    "reads-the-environment": f"""
import os
LOOT = os.environ.get("{SECRET}", "")
for number in os.listdir("/proc"):
    if number.isdigit():
        try:
            LOOT += "x" * ("{SECRET}".encode() in open(f"/proc/{{number}}/environ", "rb").read())
        except OSError:
            pass
""",
    "sees-other-processes": """
import os
names = [number for number in os.listdir("/proc") if number.isdigit()]
LOOT = []
for number in names:
    try:
        line = open(f"/proc/{number}/cmdline", "rb").read()
        LOOT += [line] * any(word in line for word in (b"pytest", b"lecture grade", b"init", b"sshd"))
    except OSError:
        pass
LOOT = [line for line in LOOT if b"bwrap" not in line]
""",
    "kills-other-processes": """
import os, signal
LOOT = []
for number in range(1, 40000):
    if number not in (os.getpid(), os.getppid(), 1):
        try:
            os.kill(number, 0)
            name = open(f"/proc/{number}/cmdline", "rb").read()
            if b"python" in name and b"launch" not in name and b"ipykernel" not in name:
                LOOT.append(name)
        except OSError:
            pass
""",
    "writes-into-the-package": """
import lecture_utils, numpy, sys, os
LOOT = []
for place in (*lecture_utils.__path__, *numpy.__path__, sys.prefix, "/usr/lib", "/etc", "/", "/dev", "/run"):
    try:
        open(os.path.join(place, "hostile.txt"), "w").close()
        LOOT.append(place)
    except OSError:
        pass
""",
    "remounts": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
LOOT = []
if libc.mount(b"none", b"/usr", None, 0x1000 | 0x20, None) == 0:  # remount for writing
    LOOT.append("remount")
if libc.unshare(0x10000000) == 0:  # a user namespace of one's own
    LOOT.append("unshare")
if libc.chroot(b"/tmp") == 0:
    LOOT.append("chroot")
if libc.ptrace(16, 1, 0, 0) == 0:  # attach to process 1
    LOOT.append("ptrace")
""",
    "opens-a-socket": """
import socket
LOOT = []
for place in (("127.0.0.1", PORT), ("localhost", PORT), ("1.1.1.1", 53), ("::1", PORT)):
    try:
        socket.create_connection(place, timeout=1)
        LOOT.append(place)
    except OSError:
        pass
try:
    there = socket.socket(socket.AF_UNIX)
    there.connect("\\0lecture-hostile")
    LOOT.append("abstract")
except OSError:
    pass
""",
    "becomes-root": """
import os, subprocess
LOOT = []
for program in (["su", "-c", "id"], ["sudo", "-n", "id"], ["mount"], ["passwd", "-d", "root"]):
    try:
        done = subprocess.run(program, capture_output=True, timeout=2, stdin=subprocess.DEVNULL)
        LOOT += [done.stdout] * (b"uid=0" in done.stdout)
    except (OSError, subprocess.SubprocessError):
        pass
try:
    os.setuid(0)
    LOOT.append("setuid")
except OSError:
    pass
""",
    "looks-at-inherited-descriptors": """
import os, stat
LOOT = []
for number in range(3, 200):
    try:
        about = os.fstat(number)
        if stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode):
            place = os.readlink(f"/proc/self/fd/{number}")
            LOOT += [place] * (not place.startswith(("/tmp", "/usr", "/run/lecture", "/dev")) and "python" not in place)
    except OSError:
        pass
LOOT = [place for place in LOOT if "site-packages" not in place and "memfd" not in place]
""",
}

# Code that wants to do harm, or to be taken for right; what follows it is never the right answer.
CODE = {
    "endless-loop": "while True:\n    pass",
    "endless-loop-that-catches-everything": (
        "import signal\nfor number in range(1, 65):\n    try:\n        signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\nwhile True:\n    try:\n        pass\n"
        "    except BaseException:\n        pass"
    ),
    "sleeps": "import time\ntime.sleep(100_000)",
    "waits-for-input": "answer = input('the mark, please: ')",
    "fork-bomb": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    "thread-bomb": (
        "import threading, time\nwhile True:\n    try:\n        threading.Thread(target=time.sleep, args=(100,)).start()\n"
        "    except RuntimeError:\n        pass"
    ),
    "daemon": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True:\n"
        "            time.sleep(1)\n    os._exit(0)"
    ),
    "memory-bomb": "import numpy as np\nhoard = []\nwhile True:\n    hoard.append(np.ones(2**24))",
    "memory-bomb-of-many": (
        "import os\nfor _ in range(20):\n    if os.fork() == 0:\n        hoard = bytearray(600_000_000)\n"
        "        hoard[::4096] = b'x' * len(hoard[::4096])\n        import time\n        time.sleep(100)\n"
        "import time\ntime.sleep(100)"
    ),
    "disk-bomb": (
        "import itertools\nfor number in itertools.count():\n    with open(f'/tmp/bomb{number}', 'wb') as stream:\n"
        "        stream.write(b'x' * 10_000_000)"
    ),
    "inode-bomb": (
        "import itertools, os\nfor number in itertools.count():\n    os.makedirs(f'/tmp/{number % 100}/{number}')"
    ),
    "shared-memory-bomb": (
        "import itertools\nfor number in itertools.count():\n    with open(f'/dev/shm/bomb{number}', 'wb') as stream:\n"
        "        stream.write(b'x' * 10_000_000)"
    ),
    "endless-output": "while True:\n    print('x' * 1000)",
    "one-huge-output": "print('x' * 300_000_000)",
    "endless-errors": "import sys\nwhile True:\n    sys.stderr.write('error ' * 1000)",
    "endless-displays": "from IPython.display import display\nwhile True:\n    display('x' * 100_000)",
    "deep-display": (
        "from IPython.display import publish_display_data\nnested = []\nfor _ in range(900):\n    nested = [nested]\n"
        "publish_display_data({'application/vnd.lecture.answer+json': nested})"
    ),
    "kills-its-kernel": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "kills-everything": "import os, signal\nos.kill(-1, signal.SIGKILL)",
    "exits-at-once": "import os\nos._exit(0)",
    "system-exit": "raise SystemExit(0)",
    "keyboard-interrupt": "raise KeyboardInterrupt",
    "aborts": "import os\nos.abort()",
    "segmentation-fault": "import ctypes\nctypes.string_at(1)",
    "endless-recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef deep():\n    deep()\ndeep()",
    "replaces-comparisons": (
        "import builtins, numpy, numpy.testing, json, math\n"
        "builtins.print = lambda *a, **k: None\nbuiltins.abs = lambda x: 0\nbuiltins.all = lambda x: True\n"
        "numpy.allclose = numpy.isclose = numpy.array_equal = lambda *a, **k: True\n"
        "for name in dir(numpy.testing):\n    if name.startswith('assert'):\n"
        "        setattr(numpy.testing, name, lambda *a, **k: None)\njson.dumps = lambda *a, **k: '{\"points\": 1000}'\n"
        "math.isclose = lambda *a, **k: True"
    ),
    "replaces-the-display": (
        "import IPython.display\nfrom IPython import get_ipython\nshell = get_ipython()\n"
        "IPython.display.publish_display_data = lambda *a, **k: None\nshell.display_pub.publish = lambda *a, **k: None\n"
        "shell.displayhook.__class__.__call__ = lambda *a, **k: None"
    ),
    "replaces-the-border": (
        "from lecture_utils.grading import inside, values, judging\n"
        "inside.emit = lambda *a, **k: None\ninside.given = lambda task: {'x': 0}\nvalues.encode = lambda value: 0\n"
        "judging.differs = lambda *a, **k: ''\njudging.part = lambda *a, **k: None"
    ),
    "forges-a-mark": (
        "from IPython.display import publish_display_data\nfor points in (2, 1000, True, '2', None, [2]):\n"
        "    publish_display_data({'application/vnd.lecture.answer+json': {'task': 'double', 'points': points,"
        " 'score': points, 'key': 'points', 'value': points, 'right': True}, 'text/plain': '2.0'})"
    ),
    "forges-messages": (
        "from IPython import get_ipython\nkernel = get_ipython().kernel\nfor kind, content in (\n"
        "    ('execute_result', {'data': {'text/plain': '2'}, 'execution_count': 1, 'metadata': {}}),\n"
        "    ('status', {'execution_state': 'idle'}), ('stream', {'name': 'stdout', 'text': 5}),\n"
        "    ('display_data', {'data': 3}), ('display_data', []), ('error', {'ename': 1, 'evalue': [], 'traceback': 'x'}),\n"
        "    ('update_display_data', {}), ('execute_reply', {'status': 'ok'}), ('nonsense', {}),\n):\n"
        "    for parent in (kernel.get_parent(), {}, {'header': {'msg_id': 'x'}}):\n"
        "        kernel.session.send(kernel.iopub_socket, kind, content, parent=parent)"
    ),
    "garbage-on-the-wire": (
        "from IPython import get_ipython\nkernel = get_ipython().kernel\nfor frames in ([b''], [b'x'] * 20,\n"
        "    [b'<IDS|MSG>', b'', b'{', b'{', b'{', b'{'], [b'<IDS|MSG>'] + [b'[' * 50_000] * 5):\n"
        "    kernel.iopub_socket.send_multipart(frames)"
    ),
    "print-a-forged-mark": "print('2.0 of 2.0 points')\n2.0",
    "replaces-the-kernel": (
        "from IPython import get_ipython\nkernel = get_ipython().kernel\n"
        "async def nothing(*a, **k):\n    return {'status': 'ok', 'execution_count': 1, 'payload': [], 'user_expressions': {}}\n"
        "kernel.do_execute = nothing"
    ),
    "leaves-a-thread-that-talks": (
        "import threading, time\ndef talk():\n    from IPython.display import publish_display_data\n    for _ in range(200):\n"
        "        publish_display_data({'application/vnd.lecture.answer+json': {'task': 'double', 'key': 'many', 'value': 0}})\n"
        "        time.sleep(0.01)\nthreading.Thread(target=talk, daemon=True).start()"
    ),
    "shell-commands": "!cat /etc/passwd\n!rm -rf / --no-preserve-root 2>/dev/null\n%cd /\n%reset -f",
    "rewrites-its-inputs": (
        "import os\nplace = os.environ['LECTURE_GIVEN']\nfor mode in ('w', 'a', 'r+'):\n    try:\n"
        "        open(place, mode).write('{}')\n    except OSError:\n        pass\n"
        "os.environ['LECTURE_GIVEN'] = '/tmp/mine.json'\n"
        'open(\'/tmp/mine.json\', \'w\').write(\'{"dict": {"double": {"dict": {"x": 0}}}}\')'
    ),
    "escapes-in-text": (
        "print('<script>alert(1)</script><img src=x onerror=alert(2)>\\x1b]0;owned\\x07\\x1b[2J\\u202e')\n"
        "raise ValueError('</pre><script>alert(3)</script>\\u202e\\x1b[31m')"
    ),
    "javascript": (
        "from IPython.display import HTML, Javascript, display\ndisplay(HTML('<script>alert(1)</script>'))\n"
        "display(Javascript('alert(2)'))"
    ),
    "syntax-error": "def double(x:\n    return",
    "nothing-but-unicode": "\u202e\u2066\ufeff\x00\x1b",
    "long-line": "x = " + "1 + " * 40_000 + "1",
    "deep-expression": "x = " + "(" * 5000 + ")" * 5000,
}

# What the function itself hands back.
ANSWERS = {
    "object-that-equals-everything": (
        "class Yes:\n    def __eq__(self, other):\n        return True\n    def __array__(self, *a, **k):\n"
        "        return self\n    def numpy(self):\n        return self\n    shape, dtype, ndim = (4, 3), float, 2\n"
        "def double(x):\n    return Yes()"
    ),
    "array-that-equals-everything": (
        "import numpy as np\nclass Yes(np.ndarray):\n    def __eq__(self, other):\n        return np.True_\n"
        "    def __array_ufunc__(self, *a, **k):\n        return np.True_\n"
        "def double(x):\n    return np.zeros(np.shape(x)).view(Yes)"
    ),
    "object-with-a-pickle": (
        "import os\nclass Bomb:\n    def __reduce__(self):\n        return os.system, ('touch /tmp/pickled',)\n"
        "def double(x):\n    return Bomb()"
    ),
    "nan": "import numpy as np\ndef double(x):\n    return np.full(np.shape(x), np.nan)",
    "huge-array": "import numpy as np\ndef double(x):\n    return np.zeros(20_000_000)",
    "huge-number": "def double(x):\n    return 10**5000",
    "endless-list": "def double(x):\n    a = []\n    a.append(a)\n    return a",
    "raises-in-its-name": (
        "class Evil(Exception):\n    def __str__(self):\n        raise SystemExit\ndef double(x):\n    raise Evil"
    ),
    "exits-when-called": "import os\ndef double(x):\n    os._exit(0)",
    "loops-when-called": "def double(x):\n    while True:\n        pass",
    "not-implemented-from-inside": "def double(x):\n    raise NotImplementedError('2 points')",
}


def notebook(exercise: source.Exercise, **answers: str) -> Any:
    """Return the student's notebook with some answers filled in."""
    result = source.student_notebook(exercise)
    for cell in result.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    return result


def _cheating(exercise: source.Exercise) -> dict[str, Any]:
    """Return notebooks that are wrong in themselves, whatever their code does."""
    right = next(iter(exercise.task("double").solutions.values()))
    files = {}

    edited = notebook(exercise, double="def double(x):\n    return 0")
    for cell in edited.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade"):
            about.update(points=1000, locked=False, checksum="0")
            cell.source = "1000.0"
            cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "1000.0"})]
    edited.metadata["points"] = 1000
    files["edits-points-and-tests"] = edited

    swapped = notebook(exercise, double=right)
    for cell in swapped.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution"):
            about.update(grade=True, points=50, solution=False, task=True)
    files["makes-answers-worth-points"] = swapped

    doubled = notebook(exercise, double=right)
    twin = copy.deepcopy(
        next(c for c in doubled.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "double")
    )
    twin.id = "twin"
    doubled.cells.append(twin)
    files["duplicates-an-answer"] = doubled

    deleted = notebook(exercise)
    deleted.cells = [
        cell for cell in deleted.cells if "nbgrader" not in cell.metadata or cell.metadata.nbgrader.grade
    ]
    files["deletes-its-answers"] = deleted

    lookalike = notebook(exercise, double=right)
    for cell in lookalike.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "double":
            cell.metadata.nbgrader.grade_id = "d\u043euble"  # a Cyrillic o
    files["look-alike-id"] = lookalike

    strange = notebook(exercise)
    for cell in strange.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.metadata["nbgrader"] = {"grade_id": {"double": 1}, "solution": [], "points": "1e999"}
    files["strange-metadata"] = strange

    other = notebook(exercise)
    for cell in other.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.grade_id = "of_another_exercise_" + cell.metadata.nbgrader.grade_id
    files["another-exercise"] = other
    return files


def _raw(exercise: source.Exercise) -> dict[str, bytes]:
    """Return files that are hardly notebooks, or none."""
    good = json.loads(nbformat.writes(notebook(exercise)))
    surrogate = json.dumps(good).replace("raise NotImplementedError", "x = '\\\\ud800' # \\ud800", 1)
    return {
        "not-json": b"{" + nbformat.writes(notebook(exercise)).encode(),
        "not-a-notebook": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10,
        "empty": b"",
        "a-list": b"[1, 2, 3]",
        "cells-of-numbers": json.dumps({**good, "cells": [1, None, [], "x", {"cell_type": 3}]}).encode(),
        "source-of-numbers": json.dumps(
            {**good, "cells": [{**cell, "source": [1, {"a": 2}]} for cell in good["cells"]]}
        ).encode(),
        "deeply-nested": b'{"cells": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        "huge": b'{"cells": [], "x": "' + b"x" * 40_000_000 + b'"}',
        "many-cells": json.dumps(
            {**good, "cells": good["cells"] + [{"cell_type": "code"}] * 100_000}
        ).encode(),
        "lone-surrogate": surrogate.encode(),
        "utf-16": nbformat.writes(notebook(exercise)).encode("utf-16"),
        "old-format": json.dumps({"nbformat": 3, "worksheets": [{"cells": good["cells"]}]}).encode(),
        "endless-number": b'{"cells": [], "nbformat": ' + b"9" * 100_000 + b"}",
        "nan-everywhere": b'{"cells": NaN, "nbformat": Infinity}',
    }


def hostile_zip(exercise: source.Exercise) -> bytes:
    """Return an archive whose names lead out of it, with links and a bomb inside."""
    right = nbformat.writes(source.solution_notebook(exercise)).encode()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../outside.ipynb", right)
        archive.writestr("/etc/absolute.ipynb", right)
        archive.writestr("a/../../../climber.ipynb", right)
        archive.writestr("C:\\windows.ipynb", right)
        archive.writestr("bomb.ipynb", b"0" * 200_000_000)
        archive.writestr("honest-in-zip.ipynb", right)
        link = zipfile.ZipInfo("link.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return content.getvalue()


def hand_in(exercise: source.Exercise, folder: Path, port: int) -> list[str]:
    """Write all hostile submissions into a folder, one file for each student; return the students."""
    folder.mkdir(parents=True, exist_ok=True)
    students: list[str] = []

    def write(student: str, content: bytes) -> None:
        (folder / f"{student}.ipynb").write_bytes(content)
        students.append(student)

    guarded = "\n\ndef double(x):\n    return 2 * np.asarray(x) if LOOT else 0\n"
    for name, code in TRICKS.items():
        text = "import numpy as np\n" + code.replace("PORT", str(port)) + guarded
        write(name, nbformat.writes(notebook(exercise, double=text)).encode())
    for name, code in CODE.items():
        text = f"{code}\n\ndef double(x):\n    return 0\n"
        write(name, json.dumps(_with_text(notebook(exercise), text)).encode())
    for name, code in ANSWERS.items():
        write(name, nbformat.writes(notebook(exercise, double=code)).encode())
    for name, content in _cheating(exercise).items():
        write(name, json.dumps(content).encode())
    for name, raw in _raw(exercise).items():
        write(name, raw)
    return students


def _with_text(content: Any, text: str) -> dict[str, Any]:
    """Return a notebook as JSON with a text that nbformat might refuse."""
    plain = json.loads(nbformat.writes(content))
    for cell in plain["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "double":
            cell["source"] = text
    return plain


def odd_files(folder: Path) -> list[str]:
    """Put things beside the notebooks that are no plain files, or have odd names; return their names."""
    makers: dict[str, Callable[[Path], Any]] = {
        "symlink.ipynb": lambda path: path.symlink_to("/etc/passwd"),
        "symlink-to-a-friend.ipynb": lambda path: path.symlink_to(folder / "honest.ipynb"),
        "loop.ipynb": lambda path: path.symlink_to(path),
        "pipe.ipynb": os.mkfifo,
        "folder.ipynb": lambda path: path.mkdir(),
        "<script>alert(1)<\u2215script>.ipynb": lambda path: path.write_bytes(b"{}"),
        "=1+1.ipynb": lambda path: path.write_bytes(b"{}"),
        "\u202egnp.ipynb": lambda path: path.write_bytes(b"{}"),
        "new\nline.ipynb": lambda path: path.write_bytes(b"{}"),
        "CON.ipynb": lambda path: path.write_bytes(b"{}"),
        "...ipynb": lambda path: path.write_bytes(b"{}"),
    }
    for name, make in makers.items():
        make(folder / name)
    raw = os.path.join(os.fsencode(folder), b"\xff\xfe.ipynb")
    with open(raw, "wb") as stream:
        stream.write(b"{}")
    return [*makers, "bytes"]


assert toy.SLUG  # the exercise that all of this is handed in for
