"""Grade submissions, several side by side, each in sandboxes of its own; nothing that was graded is lost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lecture_utils.errors import LectureError
from lecture_utils.grading import exports, reports, store, submissions
from lecture_utils.grading.submissions import Flaw, Penalty, Rejected, Roster, Submission, shown

if TYPE_CHECKING:
    from lecture_utils.grading import sandbox
    from lecture_utils.grading.judging import Judge
    from lecture_utils.grading.source import Exercise, Task

RETRIES = 2  # after a fault of ours
SUBMISSION_SECONDS = 900.0  # what the code of one submission may take in all
LEAST_WALL = 60.0  # what a task may take in all; the machine may be busy
_TEXT = 4000  # characters of output that are kept
_ERROR = 500
_FAULTS_IN_A_ROW = 3  # submissions; then the sandbox is taken for broken
_DIED = ("ended Python itself", "broke the connection")  # a sandbox that no limit ended
_JUDGING = threading.Lock()  # a judge need not be fit for threads
_INSIDE = "from lecture_utils.grading import inside as _inside"


@dataclass(frozen=True)
class Options:
    """What ``lecture grade`` was told.

    Attributes
    ----------
    submissions, out : Path
        Where they are, and where the results go.
    exercise : str
        A number or a name.
    workers : int or None
        Sandboxes side by side; by default as many as there are cores and memory for.
    keep : str
        ``"newest"`` or ``"best"``: which of several submissions of one student counts.
    due : datetime or None
        When it had to be handed in.
    penalty : Penalty or None
        What lateness costs.
    times, students : Path or None
        Tables of the instructor.
    seed : str or None
        The secret; by default it is drawn once for each results folder.
    regrade : bool
        Grade also what has a result.
    dry_run : bool
        Only say what would be done.
    feedback : bool
        Whether each student gets a page.
    rank : bool
        Whether that page tells the place in the leaderboard.
    bom : bool
        Begin CSV files with a byte order mark, for spreadsheets that need it.
    export : tuple of str
        Of ``"moodle"``, ``"canvas"``, ``"csv"``.
    assignment : str
        What the exercise is called in the learning-management system.
    sandboxed : bool
        False only where the instructor said so.
    """

    submissions: Path
    exercise: str
    out: Path
    workers: int | None = None
    keep: str = "newest"
    due: datetime.datetime | None = None
    penalty: Penalty | None = None
    times: Path | None = None
    students: Path | None = None
    seed: str | None = None
    regrade: bool = False
    dry_run: bool = False
    feedback: bool = True
    rank: bool = False
    bom: bool = False
    export: tuple[str, ...] = ()
    assignment: str = ""
    sandboxed: bool = True


# --- one submission -----------------------------------------------------------------------------------------


def _task_result(
    task: Task, state: str, words: str = "", points: float | None = 0.0, **more: Any
) -> dict[str, Any]:
    return {
        "points": points,
        "max": task.points,
        "state": state,
        "words": words,
        "parts": [],
        "score": None,
        "error": "",
        "traceback": "",
        "text": "",
        **more,
    }


def _dense(text: str) -> str:
    return "".join(text.split())


def _without_running(
    task: Task, answers: Mapping[str, str], flaws: Mapping[str, Flaw]
) -> dict[str, Any] | None:
    """Return the result of a task whose answer need not, or cannot, be run."""
    wrong = [flaws[name] for name in task.solutions if name in flaws]
    missing = [name for name in task.solutions if name not in answers and name not in flaws]
    if missing:
        wrong.append(Flaw("missing", f"the answer cell {missing[0]!r} is not in the notebook"))
    if wrong:
        state = "duplicate" if any(flaw.state == "duplicate" for flaw in wrong) else "missing"
        return _task_result(task, state, "; ".join(flaw.words for flaw in wrong))
    if all(_dense(answers[name]) == _dense(task.stubs[name]) for name in task.solutions):
        return _task_result(task, "not attempted", "the answer cell is as it was given out")
    return None


def _judged(task: Task, judge: Judge, rans: Sequence[sandbox.Ran]) -> dict[str, Any]:
    """Decide what a task's answers are worth; LectureError where the judge fails."""
    from lecture_utils.grading.judging import Answers

    *cells, test = rans
    error = next((ran.error for ran in cells if ran.error), "")
    why = f"the answer cell raised {error}" if error else ""
    if test.error and not why:
        why = f"the test ended with {test.error}"
    answers = Answers(task.name, test.answers, shown(why, _ERROR))  # never raises: see there
    with _JUDGING:
        parts = judge.judge(task.name, answers)
    points = round(sum(part.points * part.share for part in parts), 4)
    unanswered = answers.unanswered and points == 0
    scores = [part.score for part in parts if part.score is not None]
    return _task_result(
        task,
        "not attempted" if unanswered else "graded",
        "the code raises NotImplementedError" if unanswered else "",
        points,
        parts=[[round(part.points * part.share, 4), part.points, part.what, part.problem] for part in parts],
        score=max(scores) if scores else None,
        error=shown(error or test.error, _ERROR),
        # What the test printed stays out: a student's code could print the inputs there by accident.
        traceback="\n".join(ran.traceback for ran in cells if ran.traceback)[:_TEXT],
        text="".join(ran.text for ran in cells)[:_TEXT],
    )


def _steps(task: Task, answers: Mapping[str, str]) -> list[sandbox.Step]:
    from lecture_utils.grading.sandbox import Step

    begin = Step(f"{task.name}-begin", f"{_INSIDE}\n_inside.begin(globals())")
    test = Step(f"{task.name}-test", f"{_INSIDE}\n_inside.test({task.hidden!r}, globals())")
    return [begin, *(Step(name, answers[name]) for name in task.solutions), test]


@dataclass
class Outcome:
    """What became of one submission.

    Attributes
    ----------
    tasks : dict
        The result of each task, in order; points are None where a fault of ours kept it from being graded.
    seconds : float
        How long it took.
    why : str
        The fault, in one line.
    faulted : bool
        Whether no sandbox was to be had at all; one that broke while the student's code ran is none.
    """

    tasks: dict[str, dict[str, Any]]
    seconds: float = 0.0
    why: str = ""
    faulted: bool = False


async def grade_one(
    exercise: Exercise,
    judge: Judge,
    sandboxes: Any,
    answers: Mapping[str, str],
    flaws: Mapping[str, Flaw],
) -> Outcome:
    """Run and judge the tasks of one submission.

    The sandbox lives as long as all goes well. Where a task ends it, that task is lost, and a fresh one runs
    the others. A fault of ours is tried again, and never costs the student a point.

    Parameters
    ----------
    exercise : Exercise
        What is graded.
    judge : Judge
        Draws the inputs and knows what is right.
    sandboxes : sandbox.Sandboxes
        Where fresh sandboxes come from.
    answers : mapping of str to str
        The text of each answer cell.
    flaws : mapping of str to Flaw
        What is wrong with the answer cells that are not among the answers.
    """
    begin = time.monotonic()
    results = {task.name: _without_running(task, answers, flaws) for task in exercise.tasks}
    waiting = [task for task in exercise.tasks if results[task.name] is None]
    run = _Run(exercise, judge, answers, results)
    while waiting and run.faults <= RETRIES:
        await run.in_fresh_sandbox(sandboxes, waiting)
        waiting = [task for task in exercise.tasks if results[task.name] is None]
    for task in waiting:
        results[task.name] = _task_result(task, "not graded", run.why, None)
    done = {name: result for name, result in results.items() if result is not None}
    faulted = bool(waiting) and not run.begun
    return Outcome(done, time.monotonic() - begin, run.why if _not_graded(done) else "", faulted)


def _not_graded(tasks: Mapping[str, Mapping[str, Any]]) -> bool:
    return any(result["points"] is None for result in tasks.values())


class _Run:
    """The tasks of one submission that have to be run, over as many sandboxes as it takes."""

    def __init__(
        self,
        exercise: Exercise,
        judge: Judge,
        answers: Mapping[str, str],
        results: dict[str, dict[str, Any] | None],
    ) -> None:
        self.exercise, self.judge, self.answers, self.results = exercise, judge, answers, results
        self.faults = 0
        self.why = ""
        self.begun = False  # whether a sandbox was ever made: whatever breaks then may be the student's doing
        self._died: set[str] = set()
        self._spent = 0.0

    async def in_fresh_sandbox(self, sandboxes: Any, waiting: Sequence[Task]) -> None:
        from lecture_utils.grading.sandbox import Fault

        try:
            async with sandboxes.fresh() as box:
                self.begun = True
                for task in waiting:
                    if not await self._task(task, box):
                        break
        except Fault as error:
            self.faults += 1
            self.why = " ".join(str(error).split())

    async def _task(self, task: Task, box: Any) -> bool:
        """Run and judge one task; return whether the sandbox is still good for the next one."""
        from lecture_utils.grading.sandbox import Fault, Limits

        if self._spent > SUBMISSION_SECONDS:
            words = f"the tasks before this one used more than {SUBMISSION_SECONDS:.0f} s in all"
            self.results[task.name] = _task_result(task, "stopped", words)
            return True
        begin = time.monotonic()
        limits = Limits(cpu=task.seconds, wall=max(4 * task.seconds, LEAST_WALL))
        steps = _steps(task, self.answers)
        rans = await box.run(steps, limits)
        self._spent += time.monotonic() - begin
        ended = next((ran.ended for ran in rans if ran.ended), "")
        if ended:
            if ended.startswith(_DIED) and task.name not in self._died:
                self._died.add(task.name)  # it may not have been the student: once more
                return False
            text = "".join(ran.text for ran in rans if not ran.name.endswith("-test"))[:_TEXT]
            self.results[task.name] = _task_result(task, "stopped", shown(ended, _ERROR), text=text)
            return False
        if len(rans) != len(steps):
            raise Fault(f"the sandbox ran {len(rans)} of {len(steps)} cells of task {task.name}.")
        try:
            self.results[task.name] = await asyncio.to_thread(_judged, task, self.judge, rans)
        except LectureError as error:
            self.why = " ".join(str(error).split())
            self.results[task.name] = _task_result(task, "not graded", self.why, None)
        return bool(getattr(box, "alive", True))


# --- all submissions ----------------------------------------------------------------------------------------


@dataclass
class Job:
    """One submission that has a place in the table, and its result once there is one."""

    student: str
    name: str
    number: str
    file: str
    submitted: str
    source: str
    order: tuple[float, int, str]
    answers: dict[str, str]
    flaws: dict[str, Flaw]
    key: str
    content: str
    record: dict[str, Any] | None = None
    kind: str = "new"
    current: bool = True
    failed: bool = False

    def result(self, exercise: Exercise, outcome: Outcome) -> dict[str, Any]:
        """Return what is kept of it."""
        done = not _not_graded(outcome.tasks)
        points = round(sum(each["points"] for each in outcome.tasks.values()), 4) if done else None
        return {
            "student": self.student,
            "name": self.name,
            "number": self.number,
            "file": self.file,
            "exercise": exercise.slug,
            "key": self.key,
            "content": self.content,
            "submitted": self.submitted,
            "submitted_from": self.source,
            "status": "graded" if done else "not graded",
            "why": "" if done else outcome.why or "a fault of the grader",
            "tasks": outcome.tasks,
            "points": points,
            "max": sum(task.points for task in exercise.tasks),
            "seconds": round(outcome.seconds, 2),
            "answers": self.answers,
            "flaws": {name: dataclasses.asdict(flaw) for name, flaw in self.flaws.items()},
        }


async def grade_all(
    exercise: Exercise,
    judge: Judge,
    sandboxes: Any,
    jobs: Sequence[Job],
    workers: int,
    done: Callable[[Job, dict[str, Any]], None],
) -> None:
    """Grade jobs side by side.

    Parameters
    ----------
    exercise, judge, sandboxes
        As for :func:`grade_one`.
    jobs : sequence of Job
        What is to be graded.
    workers : int
        How many at once.
    done : callable
        Called with a job and its result as soon as there is one; what it raises ends everything.
    """
    waiting = iter(jobs)
    in_a_row = 0
    broken = ""

    async def work() -> None:
        nonlocal in_a_row, broken
        for job in waiting:
            if broken:
                outcome = _nothing(exercise, broken)
            else:
                try:
                    outcome = await grade_one(exercise, judge, sandboxes, job.answers, job.flaws)
                except Exception as error:  # one submission never keeps the others from being graded
                    outcome = _nothing(exercise, shown(f"{type(error).__name__}: {error}", _ERROR))
                in_a_row = in_a_row + 1 if outcome.faulted else 0
                if not broken and in_a_row >= max(_FAULTS_IN_A_ROW, workers + 1):
                    row, why = in_a_row, await _no_sandbox(sandboxes)
                    if why:
                        broken = f"given up after {row} submissions in a row: {why}"
                    else:
                        in_a_row = 0
            done(job, job.result(exercise, outcome))

    async with contextlib.AsyncExitStack() as stack:
        if hasattr(sandboxes, "__aenter__"):
            sandboxes = await stack.enter_async_context(sandboxes)
        # A signal's SystemExit comes up in whatever task runs then, and is told once, by the command.
        asyncio.get_running_loop().set_exception_handler(_quiet_end)
        tasks = [asyncio.create_task(work()) for _ in range(min(workers, len(jobs)))]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for each in ended:
                each.result()
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _quiet_end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), SystemExit | KeyboardInterrupt):
        loop.default_exception_handler(context)


def _nothing(exercise: Exercise, why: str) -> Outcome:
    tasks = {task.name: _task_result(task, "not graded", why, None) for task in exercise.tasks}
    return Outcome(tasks, 0.0, why)


async def _no_sandbox(sandboxes: Any) -> str:
    """Make a sandbox in which nothing runs; return why that cannot be done, "" where it can."""
    try:
        async with sandboxes.fresh():
            return ""
    except Exception as error:
        return shown(" ".join(str(error).split()) or type(error).__name__, _ERROR)


def _make_sandboxes(exercise: Exercise, judge: Judge, sandboxed: bool) -> Any:
    from lecture_utils.grading import sandbox

    return sandbox.Sandboxes(
        {"given.json": judge.files()},
        sandbox.Limits(),
        exercise.setup,
        sandboxed=sandboxed,
        preload=_modules(exercise.imports),
    )


def _modules(imports: str) -> list[str]:
    """Return the modules that the setup imports, to be loaded once for all sandboxes."""
    import ast

    names: list[str] = []
    for node in ast.parse(imports).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return list(dict.fromkeys(names))


def _workers(wanted: int | None) -> int:
    if wanted is not None:
        return wanted
    import psutil

    from lecture_utils.grading import sandbox

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    fitting = int(psutil.virtual_memory().available // sandbox.Limits().memory)
    return max(1, min(cores, fitting))


# --- what counts --------------------------------------------------------------------------------------------


def _key(exercise: Exercise, seed: str, sandboxed: bool, content: str) -> str:
    limits = {task.name: task.seconds for task in exercise.tasks}
    return store.digest([store.VERSION, exercise.digest, seed, limits, sandboxed, content])


def _jobs(
    exercise: Exercise, found: Sequence[Submission], results: store.Store, options: Options, seed: str
) -> list[Job]:
    """Return what may count: the newest of each student, or all; also of those who are only in the store."""
    records = results.records() if results.folder.is_dir() else []
    contents = {(record["student"], record["content"]) for record in records}
    students = {record["student"] for record in records}
    jobs: dict[tuple[str, str], Job] = {}
    chosen: list[Submission] = []
    for student in sorted({each.student for each in found}):
        own = sorted((each for each in found if each.student == student), key=lambda each: each.order)
        chosen += own[::-1] if options.keep == "best" else own[-1:]
    for each in chosen:
        content = store.answers_digest(each.answers, each.flaws)
        job = Job(
            each.student,
            each.name,
            each.number,
            each.file,
            each.submitted.isoformat() if each.submitted else "",
            each.source,
            each.order,
            dict(each.answers),
            dict(each.flaws),
            _key(exercise, seed, options.sandboxed, content),
            content,
        )
        known = (job.student, content) in contents
        job.kind = "regraded" if known else "changed" if job.student in students else "new"
        jobs[job.student, content] = job  # of equal ones the oldest: they come last
    present = {each.student for each in found}
    earlier: dict[str, list[Job]] = {}
    for record in records:
        if (record["student"], record["content"]) in jobs:
            continue
        if options.keep == "best" or record["student"] not in present:
            job = _from_record(exercise, record, options, seed)
            if all(each.content != job.content for each in earlier.get(job.student, [])):
                earlier.setdefault(job.student, []).append(job)
    for student, older in earlier.items():
        older.sort(key=lambda job: job.order)
        for job in older if options.keep == "best" else older[-1:]:
            jobs[student, job.content] = job
    for job in jobs.values():
        job.record = results.find(job.student, job.key)
        if job.record is not None:
            job.kind = "regraded" if options.regrade else "kept"
    return sorted(jobs.values(), key=lambda job: (_sorted_by(job.student), job.order))


def _sorted_by(student: str) -> tuple[str, str]:
    return student.casefold(), student


def _from_record(exercise: Exercise, record: Mapping[str, Any], options: Options, seed: str) -> Job:
    moment = submissions.moment(record.get("submitted", ""))
    ids = [name for task in exercise.tasks for name in task.solutions]
    answers = {name: text for name, text in record["answers"].items() if name in ids}
    flaws = {name: Flaw(**flaw) for name, flaw in record.get("flaws", {}).items() if name in ids}
    return Job(
        record["student"],
        record.get("name", ""),
        record.get("number", ""),
        record.get("file", ""),
        moment.isoformat() if moment else "",
        record.get("submitted_from", ""),
        (moment.timestamp() if moment else float("-inf"), 0, record.get("file", "")),
        answers,
        flaws,
        _key(exercise, seed, options.sandboxed, record["content"]),
        record["content"],
        kind="regraded",
        current=False,
    )


def _row(exercise: Exercise, job: Job, options: Options, roster: Roster) -> dict[str, Any]:
    """Return a line of the table for a job that has a result."""
    record = job.record
    assert record is not None
    days = submissions.late_days(submissions.moment(job.submitted), options.due)
    person = roster.people.get(job.student)
    row = {
        "student": job.student,
        "name": job.name or (person.name if person else ""),
        "number": job.number or (person.number if person else ""),
        "email": person.email if person else "",
        "sis": person.sis if person else "",
        "section": person.section if person else "",
        "file": job.file,
        "status": record["status"],
        "why": record["why"] or ("" if job.current else "from an earlier call of the grader"),
        "points": record["points"],
        "max": record["max"],
        "submitted": job.submitted,
        "submitted_from": job.source,
        "late_days": days,
        "penalty": 0.0,
        "final": None,
        "tasks": {
            task.name: {
                key: record["tasks"][task.name][key]
                for key in ("points", "max", "state", "words", "parts", "score")
            }
            for task in exercise.tasks
        },
    }
    _total(row, options.penalty)
    return row


def _total(row: dict[str, Any], penalty: Penalty | None) -> None:
    """Work out the final points of a row from those of its tasks."""
    points = [task["points"] for task in row["tasks"].values()]
    if any(each is None for each in points):
        row.update(points=None, final=None, penalty=0.0)
        return
    total = round(sum(points), 4)
    taken = penalty.points(row["late_days"], row["max"]) if penalty and row["late_days"] else 0.0
    taken = round(min(taken, max(total, 0.0)), 4)
    row.update(points=total, penalty=taken, final=round(total - taken, 4))


def _empty_row(
    exercise: Exercise, who: submissions.Person, status: str, why: str, file: str
) -> dict[str, Any]:
    state = "not graded" if status == "not graded" else "missing"
    return {
        "student": who.student,
        "name": who.name,
        "number": who.number,
        "email": who.email,
        "sis": who.sis,
        "section": who.section,
        "file": file,
        "status": status,
        "why": why,
        "points": 0.0,
        "max": sum(task.points for task in exercise.tasks),
        "submitted": "",
        "submitted_from": "",
        "late_days": 0,
        "penalty": 0.0,
        "final": 0.0,
        "tasks": {
            task.name: {
                "points": 0.0,
                "max": task.points,
                "state": state,
                "words": why,
                "parts": [],
                "score": None,
            }
            for task in exercise.tasks
        },
    }


def _table(
    exercise: Exercise,
    jobs: Sequence[Job],
    rejected: Sequence[Rejected],
    options: Options,
    roster: Roster,
) -> tuple[list[dict[str, Any]], dict[str, Job]]:
    """Return the lines of the table, and for each student the job that counts."""
    rows: dict[str, dict[str, Any]] = {}
    counted: dict[str, Job] = {}
    for job in jobs:
        row = _row(exercise, job, options, roster)
        before = rows.get(job.student)
        if before is None or _counts_more(row, before):
            rows[job.student], counted[job.student] = row, job
    for each in rejected:
        if each.student and each.student not in rows:
            known = roster.people.get(each.student)
            who = known or submissions.Person(each.student, each.name, number=each.number)
            rows[each.student] = _empty_row(exercise, who, "rejected", each.why, each.file)
    for person in roster.people.values():
        if person.student not in rows:
            rows[person.student] = _empty_row(exercise, person, "no submission", "", "")
    return [rows[student] for student in sorted(rows, key=_sorted_by)], counted


def _counts_more(row: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Tell which of two submissions counts; what could not be graded might be the best one."""
    if row["final"] is None or before["final"] is None:
        return row["final"] is None
    return row["final"] >= before["final"]  # they come from the oldest to the newest


# --- the command --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _private() -> Iterator[None]:
    """Let nobody else read what is written."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _say(line: str) -> None:
    print(line, flush=True)


def _warn(line: str) -> None:
    print(f"lecture: {shown(line, 1000)}", file=sys.stderr, flush=True)


@dataclass
class _Inputs:
    exercise: Exercise
    roster: Roster
    found: submissions.Collected
    results: store.Store
    unknown: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def _read(options: Options) -> _Inputs:
    from lecture_utils.grading import source

    exercise = source.read(options.exercise)
    if options.penalty is not None and options.due is None:
        raise LectureError("--penalty needs --due, the time when it had to be handed in.")
    store.can_hold(options.out, options.submissions)
    if options.out.exists() and not options.out.is_dir():
        raise LectureError(f"{options.out} is not a folder; name a folder for the results.")
    results = store.Store(options.out)
    results.check(exercise.slug)
    roster = submissions.read_roster(options.students) if options.students else Roster()
    times = submissions.read_times(options.times) if options.times else {}
    ids = [name for task in exercise.tasks for name in task.solutions]
    found = submissions.collect(options.submissions, exercise.slug, ids, roster, times)
    inputs = _Inputs(exercise, roster, found, results)
    if options.students:
        present = {each.student for each in found.submissions}
        inputs.absent = [student for student in roster.people if student not in present]
        inputs.unknown = sorted(present - set(roster.people))
    return inputs


def _say_found(inputs: _Inputs) -> None:
    for note in inputs.found.notes:
        _say(f"note: {shown(note, 500)}")
    for student in inputs.unknown:
        _say(f"note: {shown(student)} is not in the list of students.")
    for each in inputs.found.rejected:
        _warn(f"rejected {each.file}: {each.why}.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def grade(options: Options) -> int:
    """Grade submissions and write the tables; what ``lecture grade`` does.

    Returns
    -------
    int
        The exit status: 1 where something could not be graded.

    Raises
    ------
    LectureError
        There is nothing to grade, no sandbox is to be had, or the results cannot be written.
    """
    from lecture_utils.grading import sandbox
    from lecture_utils.grading.judging import Judge

    inputs = _read(options)
    if options.dry_run:
        return _dry_run(inputs, options)
    if options.sandboxed:
        reason = sandbox.missing()
        if reason:
            raise LectureError(reason)
    else:
        _warn(
            "WARNING: --no-sandbox: the students' code runs with your rights, on your files and your network."
        )
    exercise, results = inputs.exercise, inputs.results
    _say_found(inputs)
    with _private(), results.locked():
        results.check(exercise.slug)
        _say_changed_rules((results.about() or {}).get("options"), _told(options))
        seed = results.start(
            exercise.slug, options.seed, {"digest": exercise.digest, "options": _told(options)}
        )
        judge = Judge(exercise.judge_code, exercise.points, seed, exercise.slug)
        _rename(results, inputs.roster)
        jobs = _jobs(exercise, inputs.found.submissions, results, options, seed)
        waiting = [job for job in jobs if job.record is None or options.regrade]
        _say_start(exercise, jobs, waiting)
        if waiting:
            _run(exercise, judge, waiting, options, results)
        for job in jobs:
            _keep_up(job, results)
        status = _finish(exercise, jobs, inputs, options)
        return 1 if any(job.failed for job in jobs) else status


def _rename(results: store.Store, roster: Roster) -> None:
    """Bring the results of earlier calls under the ids of the list of students."""
    older = set()
    for record in results.records():
        student = roster.find(record["student"], record.get("number", ""), record.get("name", ""))
        if student is not None and student != record["student"]:
            older.add(record["student"])
            if results.find(student, record["key"]) is None:
                results.save({**record, "student": student})
    for student in sorted(older):
        results.forget(student)
    gradebook = _gradebook() if older else None
    if gradebook is not None:
        gradebook.forget(results.out, sorted(set().union(*map(submissions.names_of, older))))


def _told(options: Options) -> dict[str, Any]:
    return {
        "keep": options.keep,
        "due": options.due.isoformat() if options.due else None,
        "penalty": str(options.penalty) if options.penalty else None,
        "sandboxed": options.sandboxed,
    }


def _say_changed_rules(before: Any, now: Mapping[str, Any]) -> None:
    """Say where a rule of an earlier call was changed or left out: the last call holds for everybody."""
    if not isinstance(before, dict):
        return
    for name in ("due", "penalty"):
        if name in before and before[name] != now[name]:
            was, new = (shown(str(rule or "none"), 60) for rule in (before[name], now[name]))
            _say(
                f"note: the rule --{name} of an earlier call was: {was}; now it is: {new}, for all students."
            )


def _say_start(exercise: Exercise, jobs: Sequence[Job], waiting: Sequence[Job]) -> None:
    kinds = {
        "new": "new",
        "changed": "changed since",
        "regraded": "to be graded again",
        "kept": "graded before and unchanged",
    }
    counts = [(sum(job.kind == kind for job in jobs), words) for kind, words in kinds.items()]
    said = ", ".join(f"{number} {words}" for number, words in counts if number)
    if jobs:
        _say(f"{exercise.slug}: {_count(len(jobs), 'submission')}: {said}.")


def _run(
    exercise: Exercise, judge: Judge, waiting: Sequence[Job], options: Options, results: store.Store
) -> None:
    from tqdm import tqdm

    bar = tqdm(
        total=len(waiting),
        desc=exercise.slug,
        unit=" submissions",
        disable=not sys.stderr.isatty(),
        leave=False,
    )

    def done(job: Job, result: dict[str, Any]) -> None:
        if result["status"] == "graded":
            results.save(result)
            job.record = result
        elif job.record is not None:  # --regrade failed: what was graded before still counts
            job.failed = True
            _warn(f"{job.student}: not graded again, the earlier result counts: {result['why']}")
        else:
            job.record = result
        bar.update()

    begin = time.monotonic()
    try:
        asyncio.run(
            grade_all(
                exercise,
                judge,
                _make_sandboxes(exercise, judge, options.sandboxed),
                waiting,
                _workers(options.workers),
                done,
            )
        )
    finally:
        bar.close()
    seconds = time.monotonic() - begin
    _say(f"Ran {_count(len(waiting), 'submission')} in {seconds:.0f} s.")


def _keep_up(job: Job, results: store.Store) -> None:
    """Bring the name and time that are kept with a result up to date: the same answers may come again."""
    record = job.record
    if record is None or record["status"] != "graded" or not job.current:
        return
    now = {
        "name": job.name,
        "number": job.number,
        "file": job.file,
        "submitted": job.submitted,
        "submitted_from": job.source,
    }
    if any(record.get(key) != value for key, value in now.items()):
        record.update(now)
        results.save(record)


def _finish(exercise: Exercise, jobs: Sequence[Job], inputs: _Inputs, options: Options) -> int:
    rows, counted = _table(exercise, jobs, inputs.found.rejected, options, inputs.roster)
    names = submissions.file_names(row["student"] for row in rows)
    _by_hand(exercise, rows, names, options)
    table = reports.Table(
        exercise={"slug": exercise.slug, "title": exercise.title},
        tasks=[
            {"name": task.name, "number": task.number, "title": task.title, "points": task.points}
            for task in exercise.tasks
        ],
        rules={
            "keep": options.keep,
            "due": options.due.isoformat() if options.due else "",
            "penalty": str(options.penalty) if options.penalty else "",
            "sandboxed": options.sandboxed,
        },
        wanted={
            "bom": options.bom,
            "rank": options.rank,
            "export": list(options.export),
            "assignment": options.assignment,
        },
        rows=rows,
        rejected=[dataclasses.asdict(each) for each in inputs.found.rejected],
    )
    reports.write_tables(options.out, table)
    records = {student: job.record for student, job in counted.items() if job.record is not None}
    reports.write_feedback(options.out, table, records if options.feedback else None)
    for line in exports.write(options.out, table):
        _say(line)
    _fill_gradebook(exercise, rows, records, names, options)
    status = _report(table, options)
    if not jobs:
        _warn(f"nothing could be graded: are these submissions of exercise {exercise.slug}?")
    return status if jobs else 1


def _gradebook() -> Any:
    """Return the module of the gradebook; None where nbgrader is not installed."""
    import importlib.util

    if importlib.util.find_spec("nbgrader") is None:
        return None
    from lecture_utils.grading import gradebook

    return gradebook


def _by_hand(
    exercise: Exercise, rows: Sequence[dict[str, Any]], names: Mapping[str, str], options: Options
) -> None:
    """Let marks that were given in the formgrader stand above ours."""
    gradebook = _gradebook()
    marks = gradebook.by_hand(options.out, exercise) if gradebook else {}
    for row in rows:
        given: dict[str, Any] = {}
        for name in (*submissions.names_of(row["student"]), names[row["student"]]):  # the present one wins
            given.update(marks.get(name, {}))
        for name, points in given.items():
            if name in row["tasks"]:
                row["tasks"][name].update(points=round(float(points), 4), by_hand=True)
        if given:
            _total(row, options.penalty)
            if row["status"] == "not graded" and row["points"] is not None:
                row.update(status="graded", why="marked by hand")


def _fill_gradebook(
    exercise: Exercise,
    rows: Sequence[Mapping[str, Any]],
    records: Mapping[str, Mapping[str, Any]],
    names: Mapping[str, str],
    options: Options,
) -> None:
    gradebook = _gradebook()
    if gradebook is None:
        _say("note: nbgrader is not installed, so its gradebook was not filled.")
        return
    results = [
        {**records[row["student"]], "student": names[row["student"]], "penalty": row["penalty"]}
        for row in rows
        if row["student"] in records
    ]
    if results:
        _say(gradebook.fill(options.out, exercise, results))


def _report(table: reports.Table, options: Options) -> int:
    ungraded = [row for row in table.rows if row["final"] is None]
    finals = [row["final"] for row in table.rows if row["status"] == "graded"]
    if finals:
        maximum = table.rows[0]["max"]
        _say(
            f"Graded {_count(len(finals), 'student')}: mean {sum(finals) / len(finals):.2f} "
            f"of {maximum:g} points. {options.out / 'summary.html'} shows more."
        )
    absent = [row["student"] for row in table.rows if row["status"] == "no submission"]
    if absent:
        _say(f"No submission: {', '.join(shown(student) for student in absent)}.")
    for row in ungraded:
        _warn(f"NOT GRADED {row['student']} ({row['file']}): {row['why']}")
    if ungraded:
        _warn(
            f"{_count(len(ungraded), 'submission')} could not be graded by a fault of the grader, not of the "
            "students; the same command tries them again."
        )
    return 1 if ungraded else 0


def _dry_run(inputs: _Inputs, options: Options) -> int:
    """Say what would be done, and write nothing."""
    _say_found(inputs)
    about = inputs.results.about()
    seed = options.seed or (about or {}).get("seed", "")
    jobs = _jobs(inputs.exercise, inputs.found.submissions, inputs.results, options, seed)
    for job in jobs:
        moment = submissions.moment(job.submitted)
        days = submissions.late_days(moment, options.due)
        late = f", {_count(days, 'day')} late" if days else ""
        when = f", {moment.astimezone():%Y-%m-%d %H:%M} ({job.source})" if moment else ", time not known"
        flaws = "".join(f"; {flaw.words}" for flaw in job.flaws.values())
        _say(f"{job.kind:>9}  {shown(job.student)}: {job.file}{when}{late}{shown(flaws, 300)}")
    counted = {job.student for job in jobs}
    left = len(inputs.found.submissions) - sum(job.current for job in jobs)
    if left:
        _say(f"{_count(left, 'older or equal submission')} would not be graded (--keep {options.keep}).")
    for student in inputs.absent:
        if student not in counted:
            _say(f"  nothing  {shown(student)}")
    run = sum(job.record is None or options.regrade for job in jobs)
    _say(
        f"{inputs.exercise.slug}: {_count(run, 'submission')} would be graded, {len(jobs) - run} kept, "
        f"{len(inputs.found.rejected)} rejected. Nothing was graded, nothing written."
    )
    return 0


def forget(out: Path, student: str) -> int:
    """Delete everything that a results folder holds about a student; what ``--forget`` does.

    Raises
    ------
    LectureError
        The folder holds no results, or nothing about this student.
    """
    results = store.Store(out)
    if not out.is_dir() or results.about() is None:
        raise LectureError(f"{out} holds no results of `lecture grade`.")
    with _private(), results.locked():
        table = reports.read_table(out)
        known = results.students()
        if table is not None:
            known |= {row["student"] for row in table.rows} | {each["student"] for each in table.rejected}
        who = _named(student, known - {""}, out)
        names = submissions.names_of(who)
        gone = [f"{_count(len(results.forget(who)), 'result')} in store/"]
        pages = store.unlink_all(out / "feedback" / f"{name}.html" for name in names)
        gone.append(_count(pages, "feedback page"))
        if table is not None:
            lines = sum(row["student"] == who for row in table.rows)
            table.rows = [row for row in table.rows if row["student"] != who]
            table.rejected = [each for each in table.rejected if each["student"] != who]
            reports.write_tables(out, table)
            exports.write(out, table)
            gone.append(f"{_count(lines, 'line')} of the tables")
        gradebook = _gradebook()
        if gradebook is not None:
            count = gradebook.forget(out, sorted(names))
            gone.append(f"{count} entr{'y' if count == 1 else 'ies'} of the gradebook")
    _say(f"Deleted of {shown(who)} in {out}: {', '.join(gone)}.")
    _say("The submission where you keep it, and what was exported or copied elsewhere, is yours to delete.")
    return 0


def _named(student: str, known: set[str], out: Path) -> str:
    import difflib

    if student in known:
        return student
    fitting = [each for each in known if each.casefold() == student.casefold()]
    if len(fitting) == 1:
        return fitting[0]
    near = difflib.get_close_matches(student, sorted(known), n=1, cutoff=0.5)
    guess = f"; did you mean {shown(near[0])}?" if near else "."
    raise LectureError(f"{out} holds nothing about {shown(student)}{guess}")
