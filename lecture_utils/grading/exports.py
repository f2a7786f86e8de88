"""Write the marks in the forms that learning-management systems import."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lecture_utils.grading import reports, store


def _final(row: dict[str, Any]) -> bool:
    """Tell whether a row has marks to export: who handed nothing in is left to the instructor."""
    return row["final"] is not None and row["status"] != "no submission"


def _remark(table: reports.Table, row: dict[str, Any]) -> str:
    """Return one line of feedback without anything that a student wrote; Moodle reads it as HTML."""
    if row["status"] == "rejected":
        words = f"Not graded as handed in: {row['why']}."
    else:
        words = "; ".join(
            f"Task {task['number']}: {row['tasks'][task['name']]['points']:g} of {task['points']:g}"
            for task in table.tasks
        )
        if row["penalty"]:
            words += f"; {row['late_days']} d late: -{row['penalty']:g}"
    return html.escape(words, quote=False)


def moodle(table: reports.Table) -> list[list[Any]]:
    """Return Moodle's grading worksheet: matched by its identifier, ``Participant 12345``.

    Moodle's importer refuses a worksheet without a column for the time of the last change. It is left empty:
    then a mark that Moodle has already is replaced only where the import is told so.
    """
    last = "Last modified (grade)"
    head = ["Identifier", "Full name", "Email address", "Grade", last, "Feedback comments"]
    rows: list[list[Any]] = [head]
    for row in filter(_final, table.rows):
        identifier = f"Participant {row['number']}" if row["number"] else row["student"]
        who = row["name"] or row["student"]
        rows.append([identifier, who, row["email"], row["final"], "", _remark(table, row)])
    return rows


def canvas(table: reports.Table) -> list[list[Any]]:
    """Return Canvas' gradebook: matched by its user number, else by the SIS id or login."""
    maximum = sum(task["points"] for task in table.tasks)
    name = table.wanted.get("assignment") or f"{table.exercise['slug'][:2]} {table.exercise['title']}"
    rows: list[list[Any]] = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", name],
        ["Points Possible", "", "", "", "", maximum],
    ]
    for row in filter(_final, table.rows):
        login = "" if row["number"] else row["student"]
        who = row["name"] or row["student"]
        rows.append([who, row["number"], row["sis"], login, row["section"], row["final"]])
    return rows


def plain(table: reports.Table) -> list[list[Any]]:
    """Return a table of students and points."""
    rows: list[list[Any]] = [["student", "name", "email", "points", "max"]]
    rows += [
        [row["student"], row["name"], row["email"], row["final"], row["max"]]
        for row in filter(_final, table.rows)
    ]
    return rows


FORMS: dict[str, Callable[[reports.Table], list[list[Any]]]] = {
    "moodle": moodle,
    "canvas": canvas,
    "csv": plain,
}


def write(out: Path, table: reports.Table) -> Sequence[str]:
    """Write the exports that the table asks for, remove others, and return a line about each.

    Parameters
    ----------
    out : Path
        The results folder.
    table : reports.Table
        The marks.
    """
    wanted = table.wanted.get("export", [])
    said = []
    for name, form in FORMS.items():
        path = out / f"export-{name}.csv"
        if name not in wanted:
            store.remove(path)
            continue
        rows = form(table)
        reports.write_csv(path, rows, bom=bool(table.wanted.get("bom")))
        count = len(rows) - (2 if name == "canvas" else 1)
        left = len(table.rows) - count
        without = f"; {left} without marks left out" if left else ""
        said.append(f"Exported {count} marks to {path}{without}.")
        if name != "csv" and any(not row["number"] for row in filter(_final, table.rows)):
            column = "identifier" if name == "moodle" else "identifier, sis or student (the login)"
            said.append(
                f"note: {name} may not know some students by these ids; a list of students (--students) with "
                f"the column {column} brings in what it knows."
            )
    return said
