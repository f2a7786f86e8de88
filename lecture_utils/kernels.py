"""Execute a notebook in a kernel of this very Python, and leave no process behind.

nbclient does the work. What is added: the kernel is this interpreter, whatever kernels the reader has
installed; it sees none of the reader's IPython settings; a failure is told by cell and line; and when it
ends, in whichever way, the kernel and every process that it started are gone.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import logging
import os
import re
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from lecture_utils.errors import LectureError

START_SECONDS = 120
_FLOOD = 1_000_000  # characters of one stream of one cell; more is cut
KILL_SECONDS = 5
_MARKER = "LECTURE_KERNEL"
_LONGEST_SOCKET = 90  # characters; macOS allows 103 for a socket's path, and "-1" to "-5" is appended
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
# What the lecture loaded: the names of the sources of all data sets among its variables.
_LOADED = (
    "sorted({_value.source.name for _value in list(globals().values())"
    " if type(_value).__module__ == 'lecture_utils.datasets' and hasattr(_value, 'source')})"
)


@dataclass(frozen=True)
class Failure:
    """Why a notebook did not run to its end.

    Attributes
    ----------
    cell : int
        Number of the cell in the notebook, counted from 1, text cells included.
    run : int
        The number that Jupyter shows beside the cell, as in ``In [7]``.
    section : str
        The heading above the cell.
    line : int or None
        Line within the cell, counted from 1, where it is known.
    text : str
        That line of code, or the cell's first one.
    error : str
        What happened, in one line.
    """

    cell: int
    run: int
    section: str
    line: int | None
    text: str
    error: str

    def __str__(self) -> str:
        line = "" if self.line is None else f", line {self.line}"
        section = f" ({self.section})" if self.section else ""
        return f"cell {self.cell}, In [{self.run}]{line}{section}: {self.error}   in: {self.text}"


@dataclass
class Execution:
    """How the execution of a notebook went.

    Attributes
    ----------
    seconds : float
        Wall-clock time from the start of the kernel to the end of the last cell.
    cells : dict of int to float
        Seconds for each executed code cell; the key is the cell's place in the notebook, counted from 0.
    data : tuple of str
        Names of the data sources that the lecture loaded, for example ``("mnist",)``.
    failure : Failure or None
        None where every cell ran.
    """

    seconds: float = 0.0
    cells: dict[int, float] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    failure: Failure | None = None


def sections(cells: Sequence[Any]) -> list[str]:
    """Return, for each cell of a notebook, the newest heading at or above it."""
    current, result = "", []
    for cell in cells:
        if cell.cell_type == "markdown":
            headings = _HEADING.findall(_FENCE.sub("", cell.source))
            result.append(headings[0] if headings else current)
            current = headings[-1] if headings else current
        else:
            result.append(current)
    return result


def _is_code(cell: Any) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def first_line(source: str) -> str:
    """Return the first line of code of a cell, without comments above it."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith(("#", "%%"))), lines[0] if lines else "")


def one_line(text: str, limit: int = 200) -> str:
    """Return a text on one line, without colors, cut where it is long."""
    line = " ".join(_ANSI.sub("", text).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


class _Bar:
    """A progress bar of one notebook; silent where nobody watches a terminal."""

    def __init__(self, label: str, total: int, stream: IO[str]) -> None:
        from tqdm import tqdm

        self._label = label
        self._bar = tqdm(
            total=total,
            desc=label,
            unit="cell",
            file=stream,
            leave=False,
            disable=not stream.isatty(),
            dynamic_ncols=True,
            bar_format="{desc} |{bar:20}| cell {n_fmt} of {total_fmt}, {elapsed}{postfix}",
        )

    def at(self, section: str) -> None:
        self._bar.set_postfix_str(section[:40], refresh=True)

    def done(self) -> None:
        self._bar.update()

    def tick(self) -> None:
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


def _kernel_manager(folder: Path) -> Any:
    """Return the manager of a kernel in the running interpreter, with its connection file in ``folder``."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisPython(KernelSpecManager):
        """Knows one kernel: this interpreter."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name="Python 3", language="python")

    log = logging.getLogger("lecture_utils.kernels")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    manager = AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=ThisPython(log=log),
        connection_file=str(folder / "kernel.json"),
        log=log,
    )
    sockets = str(folder / "kernel")
    if len(sockets) <= _LONGEST_SOCKET:
        # Files instead of ports: kernels that start at the same time cannot take each other's port.
        manager.transport, manager.ip = "ipc", sockets
    return manager


def _environment(folder: Path, marker: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the kernel: the reader's, without what would change a lecture's outputs."""
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment["IPYTHONDIR"] = str(folder / "ipython")
    environment["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # else the debugger writes a note to standard error
    environment.update(given)
    environment[_MARKER] = marker
    return environment


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Let no second Ctrl-C break off the cleaning up."""
    main = threading.current_thread() is threading.main_thread()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if main and hasattr(signal, name)]
    old = {name: signal.signal(getattr(signal, name), lambda *_: None) for name in names}
    try:
        yield
    finally:
        for name, handler in old.items():
            signal.signal(getattr(signal, name), handler)


def _end_leftovers(marker: str) -> None:
    """Kill every process that carries the marker of a kernel in its environment."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(_MARKER) == marker:
                process.kill()
                found.append(process)
        except (psutil.Error, OSError):
            continue  # Somebody else's process, or one that has just ended.
    # A killed process whose parent does not ask for it stays a zombie; it does nothing any more.
    end = time.monotonic() + KILL_SECONDS
    while any(_alive(process) for process in found) and time.monotonic() < end:
        time.sleep(0.01)


def _alive(process: Any) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _line_of(cell: Any, run: int) -> int | None:
    """Find the innermost line of this cell in the traceback among its outputs."""
    for output in cell.outputs:
        if output.output_type == "error":
            text = _ANSI.sub("", "\n".join(output.get("traceback", [])))
            lines = re.findall(rf"Cell In\[{run}\], line (\d+)", text)
            if lines:
                return int(lines[-1])
    return None


def _said(name: str, message: str) -> str:
    """Return an exception in one line, without the made-up file name that IPython gives a cell."""
    message = one_line(re.sub(r"\s*\(\d+\.py, line \d+\)$", "", message), 500)
    return f"{name}: {message}" if message else name


def _died(code: int | None, log: Path) -> str:
    """Say in one line why a kernel is gone."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        why = f"was killed by signal {name}"
        if name == "SIGKILL":
            why += ", most often because the memory ran out; close other programs and run it again"
    else:
        why = "ended" if not code else f"ended with status {code}"
    # IPython's own notes begin with its name in brackets; what is left is the cause, for example bad_alloc.
    written = log.read_text(errors="replace").splitlines()
    lines = [line for line in written if line.strip() and not line.startswith("[IPKernelApp]")]
    said = f" (it said: {one_line(lines[-1])})" if lines else ""
    return f"the kernel {why}{said}"


async def _execute(
    notebook: Any,
    manager: Any,
    result: Execution,
    bar: _Bar,
    log: Path,
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout: float | None,
) -> None:
    """Start the kernel, run the cells, and fill in ``result``; the caller ends the kernel."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    places = sections(notebook.cells)
    code = [index for index, cell in enumerate(notebook.cells) if _is_code(cell)]

    with log.open("wb") as stream:
        await manager.start_kernel(cwd=str(folder), env=environment, stdout=stream, stderr=stream)
    kernel = manager.client()
    kernel.start_channels()
    try:
        await kernel.wait_for_ready(timeout=START_SECONDS)
    except RuntimeError as error:
        dead = await manager.provisioner.poll()
        reason = _died(dead, log) if dead is not None else one_line(str(error))
        raise LectureError(
            f"the notebook kernel did not start: {reason}. `lecture doctor` checks the packages."
        ) from error
    kernel.allow_stdin = False
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=None if timeout is None else max(1, round(timeout)),
        coalesce_streams=False,  # its pattern takes quadratic time on a long line; see _coalesce
        record_timing=False,
        store_widget_state=False,
        log=manager.log,
    )
    client.kc = kernel

    for run, index in enumerate(code, start=1):
        cell = notebook.cells[index]
        bar.at(places[index])
        start = time.perf_counter()
        why: str | None = None
        try:
            await client.async_execute_cell(cell, index, execution_count=run)
        except CellExecutionError as error:
            why = _said(error.ename, error.evalue)
        except CellTimeoutError:
            why = f"stopped after {timeout:.0f} s, the time limit of a cell; --timeout gives it more"
        except DeadKernelError:
            why = _died(await manager.provisioner.poll(), log)
        result.cells[index] = time.perf_counter() - start
        _coalesce(cell)
        to_fail = "raises-exception" in cell.metadata.get("tags", [])
        if why is None and to_fail and not any(output.output_type == "error" for output in cell.outputs):
            why = "this cell is tagged raises-exception, and it raised none"
        if why is not None:
            line = _line_of(cell, run)
            lines = cell.source.splitlines()
            known = line is not None and line <= len(lines)
            text = lines[line - 1].strip() if line is not None and known else first_line(cell.source)
            result.failure = Failure(index + 1, run, places[index], line, one_line(text, 100), why)
            return
        bar.done()

    reply = await kernel.execute("", silent=True, user_expressions={"data": _LOADED}, reply=True, timeout=60)
    answer = reply["content"].get("user_expressions", {}).get("data", {})
    if answer.get("status") == "ok":
        result.data = tuple(ast.literal_eval(answer["data"]["text/plain"]))


def _coalesce(cell: Any) -> None:
    """Join neighboring pieces of one stream, apply carriage returns as a terminal would, and cut a flood."""
    joined: list[Any] = []
    for output in cell.outputs:
        last = joined[-1] if joined else None
        if output.output_type == "stream" and last is not None and last.get("name") == output.name:
            last["pieces"].append(output.text)
        elif output.output_type == "stream":
            joined.append(output)
            output["pieces"] = [output.text]
        else:
            joined.append(output)
    for output in joined:
        if output.output_type == "stream":
            text = "\n".join(_after_returns(line) for line in "".join(output.pop("pieces")).split("\n"))
            if len(text) > _FLOOD:
                text = f"{text[:_FLOOD]}\n… {len(text) - _FLOOD:,} characters left out\n"
            output.text = text
    cell.outputs = joined


def _after_returns(line: str) -> str:
    """Return what a terminal shows of a line with carriage returns (one at its end has no effect yet)."""
    end = "\r" if line.endswith("\r") else ""
    return line.removesuffix("\r").rsplit("\r", 1)[-1] + end


async def _every_second(action: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(1)
        action()


async def _stop(manager: Any, politely: bool) -> None:
    """Shut the kernel down; a kernel that did not fail may say goodbye to its children first."""
    with contextlib.suppress(RuntimeError, asyncio.TimeoutError):
        if manager.has_kernel:
            await asyncio.wait_for(manager.shutdown_kernel(now=not politely), timeout=15)
    await manager.cleanup_resources()


def execute(
    notebook: Any,
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
    label: str = "",
    stream: IO[str] | None = None,
) -> Execution:
    """Execute the code cells of a notebook in place, one after the other, until one fails.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Gets the outputs and the numbers of the cells. After a failure or an interruption it holds what
        there was up to then.
    folder : Path
        The working directory of the kernel.
    environment : mapping, optional
        Environment variables to set for the kernel.
    timeout : float, optional
        Seconds that each cell may take. Without it there is no limit.
    label : str
        What the progress bar calls the notebook.
    stream : text stream, optional
        Where the progress bar goes, by default standard error. It is drawn on a terminal only.

    Returns
    -------
    Execution
        Times, data sources and the failure, where there was one.

    Raises
    ------
    LectureError
        The kernel does not start.
    KeyboardInterrupt
        Ctrl-C; the kernel and its children are gone when it arrives at the caller.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    marker = secrets.token_hex(8)
    result = Execution()
    loop = asyncio.new_event_loop()
    bar = _Bar(label, sum(map(_is_code, notebook.cells)), sys.stderr if stream is None else stream)
    start = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="lecture-", ignore_cleanup_errors=True) as temporary:
            private = Path(temporary)
            manager = _kernel_manager(private)
            ticker = loop.create_task(_every_second(bar.tick))
            politely = False
            try:
                loop.run_until_complete(
                    _execute(
                        notebook,
                        manager,
                        result,
                        bar,
                        private / "kernel.log",
                        folder=folder,
                        environment=_environment(private, marker, environment or {}),
                        timeout=timeout,
                    )
                )
                politely = result.failure is None
            finally:
                result.seconds = time.perf_counter() - start
                with _signals_held():
                    ticker.cancel()
                    _cancel_all(loop)
                    loop.run_until_complete(_stop(manager, politely))
                    _end_leftovers(marker)
    except OSError as error:
        raise LectureError(f"the notebook kernel cannot be started: {error.strerror or error}.") from error
    finally:
        bar.close()
        _cancel_all(loop)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    return result


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what an interruption left waiting in the loop."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
