"""Write the results: tables, a summary for the instructor, and a page for each student.

Everything that comes from a student is escaped. The pages hold no script, load nothing, and a policy in them
forbids both.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import html
import io
import json
import re
import statistics
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lecture_utils.errors import LectureError
from lecture_utils.grading import store, submissions

TABLE = "grades.json"
_VERSION = 1
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_EXCERPT = 3000  # characters of output on a page
_LINES = 60
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_PLACES = re.compile(r"-?\d+\.\d{3,}(?:[eE][-+]?\d+)?")

_STYLE = """\
:root { color-scheme: light; font-family: system-ui, sans-serif; line-height: 1.5 }
:root { color: #1a1a1a; background: #fff }
body { max-width: 60rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.5rem }
h2 { font-size: 1.2rem; margin-top: 2rem; border-top: 1px solid #bbb; padding-top: 1rem }
.wide { overflow-x: auto }
table { border-collapse: collapse } caption { text-align: left; padding: 0.3rem 0; color: #555 }
th, td { padding: 0.3rem 0.7rem; text-align: left; vertical-align: top; border-bottom: 1px solid #ccc }
td.number, th.number { text-align: right; white-space: nowrap }
pre { background: #f3f3f3; padding: 0.7rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere }
.total { font-size: 1.3rem } .loud { border-left: 0.4rem solid #b00020; padding-left: 0.8rem }
td, li, p { overflow-wrap: break-word } td { min-width: 3.5rem; max-width: 34rem }
"""


@dataclass
class Table:
    """All that the tables and pages are made of; ``grades.json`` holds it.

    Attributes
    ----------
    exercise : dict
        Its ``slug`` and ``title``.
    tasks : list of dict
        Name, number, title and points of each.
    rules : dict
        What counts, when it was due, what lateness costs.
    wanted : dict
        How the files are to be written.
    rows : list of dict
        One for each student.
    rejected : list of dict
        What could not be read.
    """

    exercise: dict[str, str]
    tasks: list[dict[str, Any]]
    rules: dict[str, Any]
    wanted: dict[str, Any]
    rows: list[dict[str, Any]]
    rejected: list[dict[str, str]]


def read_table(out: Path) -> Table | None:
    """Return the table of an earlier call; None where there is none."""
    try:
        content = json.loads((out / TABLE).read_text(encoding="utf-8"))
        if content.pop("version") != _VERSION:
            raise ValueError("it is of another version")
        return Table(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LectureError(
            f"{out / TABLE} cannot be read ({submissions.shown(str(error))}); delete it and grade again."
        ) from error


def write_tables(out: Path, table: Table) -> None:
    """Write ``grades.csv``, ``grades.json``, ``summary.html`` and the leaderboard."""
    store.write_json(out / TABLE, {"version": _VERSION, **dataclasses.asdict(table)})
    write_csv(out / "grades.csv", _grades(table), bom=bool(table.wanted.get("bom")))
    store.write_text(out / "summary.html", _summary(table))
    ranks = _leaderboard(table)
    board = (out / "leaderboard.csv", out / "leaderboard.html")
    if ranks:
        write_csv(
            board[0],
            [
                ["rank", "student", "name", "score"],
                *([rank, *who, f"{score:.6g}"] for rank, *who, score in ranks),
            ],
            bom=bool(table.wanted.get("bom")),
        )
        store.write_text(board[1], _leaderboard_page(table, ranks))
    else:
        store.unlink_all(board)


# --- CSV ----------------------------------------------------------------------------------------------------


def _cell(value: Any) -> str:
    """Return a value for a spreadsheet; a text can never become a formula there."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, int):
        return str(value)
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    text = "".join(" " if unicodedata.category(each) == "Cc" and each != "\t" else each for each in text)
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA[:4]) else text


def write_csv(path: Path, rows: Iterable[Sequence[Any]], bom: bool = False) -> None:
    """Write a table that spreadsheets can open without running anything in it.

    Parameters
    ----------
    path : Path
        The file.
    rows : iterable of sequences
        Texts and numbers.
    bom : bool
        Whether a byte order mark comes first: some spreadsheets need it to read UTF-8.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    store.write(path, stream.getvalue().encode("utf-8-sig" if bom else "utf-8"))


def _grades(table: Table) -> list[list[Any]]:
    head = ["student", "name", "points", "max", "late_days", "penalty", "final"]
    names = [task["name"] for task in table.tasks]
    rows: list[list[Any]] = [[*head, *names, "status", "why", "file"]]
    for row in table.rows:
        points = [row["tasks"][name]["points"] for name in names]
        rows.append([*(row[key] for key in head), *points, row["status"], row["why"], row["file"]])
    return rows


# --- HTML ---------------------------------------------------------------------------------------------------


def _text(text: Any, longest: int = 500) -> str:
    """Return a text of one line for HTML."""
    return html.escape(submissions.shown(" ".join(str(text).split()), longest), quote=True)


def _block(text: str) -> str:
    """Return an excerpt of several lines for HTML; nothing in it can act or turn what is read around."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).expandtabs(4)
    lines = text[:_EXCERPT].split("\n")
    clean = "\n".join(submissions.shown(line, _EXCERPT) for line in lines[:_LINES])
    more = "\n[...]" if len(text) > _EXCERPT or len(lines) > _LINES else ""
    return html.escape(clean + more, quote=True)


def _page(title: str, body: Iterable[str]) -> str:
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{_text(title)}</title>",
            f"<style>\n{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *body,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _html_table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()
) -> str:
    """Return a table of cells that are HTML already."""

    def line(tag: str, cells: Sequence[str]) -> str:
        made = []
        for index, cell in enumerate(cells):
            scope = ' scope="col"' if tag == "th" else ""
            kind = ' class="number"' if index in numbers else ""
            made.append(f"<{tag}{scope}{kind}>{cell}</{tag}>")
        return f"<tr>{''.join(made)}</tr>"

    body = "\n".join(line("td", row) for row in rows)
    return (
        f'<div class="wide"><table>\n<caption>{caption}</caption>\n'
        f"<thead>{line('th', head)}</thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _number(value: float | None) -> str:
    return "not graded" if value is None else f"{round(value, 2):g}"


def _points(value: float) -> str:
    return f"{value:g} {'point' if value == 1 else 'points'}"


def _who(row: Mapping[str, Any]) -> str:
    """Return a student as people know them, escaped."""
    name = row.get("name", "")
    return _text(f"{name} ({row['student']})" if name and name != row["student"] else row["student"])


# --- the page of one student --------------------------------------------------------------------------------


_STATES = {
    "missing": "Your answer to this task could not be found.",
    "duplicate": "Your answer to this task is not clear.",
    "not attempted": "You have not answered this task.",
    "stopped": "Your code had to be stopped.",
    "not graded": "This task could not be graded yet, by a fault of the grader. It costs you nothing.",
}


def write_feedback(out: Path, table: Table, records: Mapping[str, Mapping[str, Any]] | None) -> None:
    """Write a page for each student, and remove those of earlier calls that are not written again.

    Parameters
    ----------
    out : Path
        The results folder.
    table : Table
        What the marks are.
    records : mapping, or None
        For each student the result that counts. None withholds the feedback: no pages are written.
    """
    folder = out / "feedback"
    wanted: dict[Path, str] = {}
    if records is not None:
        names = submissions.file_names(row["student"] for row in table.rows)
        ranks = (
            {who: (rank, score) for rank, who, _, score in _leaderboard(table)}
            if table.wanted.get("rank")
            else {}
        )
        for row in table.rows:
            if row["status"] != "no submission":
                record = records.get(row["student"], {})
                page = _feedback(table, row, record, ranks.get(row["student"]), len(ranks))
                wanted[folder / f"{names[row['student']]}.html"] = page
    if folder.is_dir():
        store.unlink_all(path for path in folder.glob("*.html") if path not in wanted)
    for path, page in wanted.items():
        store.write_text(path, page)


def _feedback(
    table: Table,
    row: Mapping[str, Any],
    record: Mapping[str, Any],
    rank: tuple[int, float] | None,
    ranked: int,
) -> str:
    title = f"Exercise {table.exercise['slug'][:2].lstrip('0')} · {table.exercise['title']}"
    body = [
        f"<h1>{_text(title)}</h1>",
        f"<p>Feedback for {_who(row)}, from the file {_text(row['file'])}.</p>",
    ]
    if row["status"] == "rejected":
        body.append(f'<p class="loud">Your submission could not be graded: {_text(row["why"])}.</p>')
        body.append(f'<p class="total"><strong>0 of {row["max"]:g} points</strong></p>')
        return _page(f"Feedback: {title}", body)
    if row["final"] is None:
        body.append(
            '<p class="loud">Not all of your submission could be graded yet. That is a fault of the grader; '
            "it will be tried again, and costs you nothing.</p>"
        )
    else:
        body.append(f'<p class="total"><strong>{_number(row["final"])} of {row["max"]:g} points</strong></p>')
    body += _late(table, row)
    if rank is not None:
        body.append(f"<p>Leaderboard: place {rank[0]} of {ranked}, with a score of {rank[1]:.6g}.</p>")
    body.append(
        "<p>Only the text of the answer cells is graded. It is run with inputs that are drawn for the "
        "grading, so the numbers are not those of the visible checks.</p>"
    )
    for task in table.tasks:
        result = row["tasks"][task["name"]]
        body += _task_feedback(task, result, (record.get("tasks") or {}).get(task["name"], {}))
    return _page(f"Feedback: {title}", body)


def _when(text: str) -> str:
    moment = datetime.datetime.fromisoformat(text)
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".strip()


def _late(table: Table, row: Mapping[str, Any]) -> list[str]:
    if not table.rules["due"]:
        return []
    due = _when(table.rules["due"])
    moment = submissions.moment(row["submitted"])
    if moment is None:
        return [
            f"<p>It was due {_text(due)}. When you handed it in is not known, so it counts as in time.</p>"
        ]
    zone = datetime.datetime.fromisoformat(table.rules["due"]).tzinfo
    handed = moment.astimezone(zone)
    said = f"Handed in {_when(handed.isoformat())} (according to {row['submitted_from']}), due {due}"
    if not row["late_days"]:
        return [f"<p>{_text(said)}: in time.</p>"]
    days = (
        f"{row['late_days']} {'day' if row['late_days'] == 1 else 'days'} late, counting each that has begun"
    )
    if not table.rules["penalty"]:
        return [f"<p>{_text(said)}: {days}. Nothing is taken off for it.</p>"]
    taken = (
        ""
        if row["final"] is None
        else f" {_number(row['points'])} &minus; {_number(row['penalty'])} = {_number(row['final'])} points."
    )
    return [f"<p>{_text(said)}: {days}. The rule: {_text(table.rules['penalty'])}.{taken}</p>"]


def _problem(text: str) -> str:
    """Return what was wrong with a part. Python's words about an error may quote inputs: they are cut."""
    if text.startswith(("the code raised", "the answer cell raised", "the test ended")):
        text = _PLACES.sub("...", text)
    return _text(text)


def _task_feedback(
    task: Mapping[str, Any], result: Mapping[str, Any], record: Mapping[str, Any]
) -> list[str]:
    points = result["points"]
    earned = "not graded yet" if points is None else f"{_number(points)} of {_points(task['points'])}"
    lines = [f"<h2>Task {task['number']} · {_text(task['title'])}: {earned}</h2>"]
    if result.get("by_hand"):
        lines.append("<p>Your instructor has marked this task by hand.</p>")
    state = _STATES.get(result["state"])
    if state:
        words = result["words"] if result["state"] != "not graded" else ""
        reason = f" ({_text(words)})" if words else ""
        lines.append(f"<p>{state}{reason}</p>")
    if result["parts"] and result["state"] == "graded":
        rows = [
            (
                _text(what),
                "right" if not problem and got >= most else "partly right" if got > 0 else "wrong",
                f"{_number(got)} of {most:g}",
                _problem(problem),
            )
            for got, most, what, problem in result["parts"]
        ]
        head = ("part", "it is", "points", "what is wrong")
        lines.append(_html_table(f"Task {task['number']}: what was looked at", head, rows, numbers=(2,)))
    if "NameError" in f"{[problem for *_, problem in result['parts']]} {record.get('traceback', '')}":
        lines.append(
            "<p>A name was not found. Only the answer cells are graded: what your function needs belongs "
            "into its answer cell, helpers of your own and imports, too.</p>"
        )
    if record.get("traceback"):
        lines.append("<p>When your answer cell was run, Python said:</p>")
        lines.append(f"<pre>{_block(record['traceback'])}</pre>")
    if record.get("text", "").strip():
        lines.append("<p>Your answer cell printed:</p>")
        lines.append(f"<pre>{_block(record['text'])}</pre>")
    return lines


# --- the leaderboard ----------------------------------------------------------------------------------------


def _leaderboard(table: Table) -> list[tuple[int, str, str, float]]:
    """Return (rank, student, name, score), the best first; equal scores share a rank."""
    scored = []
    for row in table.rows:
        scores = [task["score"] for task in row["tasks"].values() if task.get("score") is not None]
        if scores:
            scored.append((max(scores), row["student"], row["name"]))
    scored.sort(key=lambda entry: (-entry[0], entry[1].casefold(), entry[1]))
    ranks: list[tuple[int, str, str, float]] = []
    for index, (score, student, name) in enumerate(scored):
        same = ranks and ranks[-1][3] == score
        ranks.append((ranks[-1][0] if same else index + 1, student, name, score))
    return ranks


def _leaderboard_page(table: Table, ranks: Sequence[tuple[int, str, str, float]]) -> str:
    rows = [
        (str(rank), _who({"student": student, "name": name}), f"{score:.6g}")
        for rank, student, name, score in ranks
    ]
    title = f"Leaderboard: {table.exercise['title']}"
    caption = "Measured by the grader on data that nobody has seen"
    return _page(
        title, [f"<h1>{_text(title)}</h1>", _html_table(caption, ("rank", "student", "score"), rows, (0, 2))]
    )


# --- the summary --------------------------------------------------------------------------------------------

# Print and eyes of all kinds can tell them apart; the table beside them has the numbers.
_SHARES = (("right", "#00429d"), ("partly", "#73a2c6"), ("wrong", "#f4777f"), ("no answer", "#d5d5d5"))


def _share(task: Mapping[str, Any]) -> str | None:
    if task["points"] is None:
        return None
    if task["points"] >= task["max"]:
        return "right"
    if task["points"] > 0:
        return "partly"
    return "no answer" if task["state"] in ("not attempted", "missing") else "wrong"


def _bar(title: str, counts: Sequence[int]) -> str:
    total = sum(counts) or 1
    words = ", ".join(f"{count} {name}" for count, (name, _) in zip(counts, _SHARES, strict=True))
    x, pieces = 0.0, []
    for count, (_, color) in zip(counts, _SHARES, strict=True):
        width = 240 * count / total
        pieces.append(f'<rect x="{x:.1f}" y="0" width="{width:.1f}" height="16" fill="{color}"/>')
        x += width
    label = html.escape(f"{title}: {words}", quote=True)
    return f'<svg width="240" height="16" role="img" aria-label="{label}">{"".join(pieces)}</svg>'


def _histogram(finals: Sequence[float], maximum: float) -> str:
    counts = [0] * 10
    for final in finals:
        counts[max(0, min(9, int(10 * final / maximum)))] += 1
    rows = []
    for index, count in enumerate(counts):
        width = 240 * count / max(counts)
        bar = (
            f'<svg width="240" height="12" role="img" aria-label="{count}">'
            f'<rect width="{width:.1f}" height="12" fill="#00429d"/></svg>'
        )
        end = "to" if index == 9 else "to under"
        rows.append((f"{maximum * index / 10:g} {end} {maximum * (index + 1) / 10:g}", str(count), bar))
    return _html_table("Points after the penalty", ("points", "students", "share"), rows, (1,))


def _summary(table: Table) -> str:
    title = f"Exercise {table.exercise['slug']} · {table.exercise['title']}: summary"
    body = [f"<h1>{_text(title)}</h1>"]
    if not table.rules["sandboxed"]:
        body.append(
            "<p class=\"loud\">Graded without a sandbox: students' code ran with the grader's rights.</p>"
        )
    body += _troubles(table)
    graded = [row for row in table.rows if row["status"] == "graded"]
    finals = [row["final"] for row in graded]
    body.append("<h2>Points</h2>")
    if finals:
        maximum = graded[0]["max"]
        late = sum(row["late_days"] > 0 for row in graded)
        body.append(
            f"<p>{len(finals)} graded; mean {statistics.mean(finals):.2f}, "
            f"median {statistics.median(finals):.2f} of {maximum:g} points; {late} late.</p>"
        )
        body.append(_histogram(finals, maximum))
    else:
        body.append("<p>Nothing is graded.</p>")
    body.append("<h2>Tasks</h2>")
    body.append(_tasks_table(table, graded))
    body.append("<h2>Rules</h2>")
    body.append(f"<p>{_rules(table)}</p>")
    body.append("<h2>Students</h2>")
    names = [task["name"] for task in table.tasks]
    rows = [
        (
            _who(row),
            *(_number(row["tasks"][name]["points"]) for name in names),
            _number(row["points"]),
            str(row["late_days"]),
            _number(row["final"]),
            _text(row["status"]),
        )
        for row in table.rows
    ]
    head = ("student", *(_text(name) for name in names), "points", "days late", "final", "status")
    body.append(_html_table("One line for each student", head, rows, tuple(range(1, len(names) + 4))))
    return _page(title, body)


def _rules(table: Table) -> str:
    rules = table.rules
    kept = "the newest" if rules["keep"] == "newest" else "the best"
    due = f" Due {_text(_when(rules['due']))}." if rules["due"] else " No time was given when it was due."
    cost = f" Lateness costs {_text(rules['penalty'])}." if rules["penalty"] else ""
    return f"Of several submissions of one student {kept} counts.{due}{cost}"


def _troubles(table: Table) -> list[str]:
    body = []
    ungraded = [row for row in table.rows if row["final"] is None]
    if ungraded:
        body.append(
            '<h2>Not graded</h2>\n<p class="loud">Faults of the grader, at nobody\'s cost; grade again.</p>'
        )
        body.append(_list(f"{_who(row)}, {_text(row['file'])}: {_text(row['why'])}" for row in ungraded))
    if table.rejected:
        body.append("<h2>Rejected</h2>")
        body.append(_list(f"{_text(each['file'])}: {_text(each['why'])}" for each in table.rejected))
    odd = []
    for row in table.rows:
        for task in table.tasks:
            for remark in _remarks(row["tasks"][task["name"]]):
                odd.append(f"{_who(row)}, task {task['number']}: {remark}")
    if odd:
        body.append("<h2>Worth a look</h2>")
        body.append(_list(odd))
    absent = [row for row in table.rows if row["status"] == "no submission"]
    if absent:
        body.append("<h2>No submission</h2>")
        body.append(_list(_who(row) for row in absent))
    return body


def _remarks(task: Mapping[str, Any]) -> list[str]:
    remarks = []
    if task["state"] in ("duplicate", "stopped"):
        remarks.append(f"{task['state']}: {_text(task['words'])}")
    if any("handed out twice" in problem for *_, problem in task["parts"]):
        remarks.append("a value was handed out twice, which only code that calls emit itself can do")
    return remarks


def _list(items: Iterable[str]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ul>"


def _tasks_table(table: Table, graded: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for task in table.tasks:
        results = [row["tasks"][task["name"]] for row in graded]
        shares = [_share(result) for result in results]
        counts = [shares.count(name) for name, _ in _SHARES]
        mean = statistics.mean(result["points"] for result in results) if results else 0.0
        label = f"Task {task['number']}"
        rows.append(
            (
                f"{label} · {_text(task['title'])}",
                _bar(label, counts),
                *map(str, counts),
                f"{mean:.2f} of {task['points']:g}",
            )
        )
    head = ("task", "share", *(name for name, _ in _SHARES), "mean points")
    return _html_table("How the tasks went", head, rows, (2, 3, 4, 5, 6))
