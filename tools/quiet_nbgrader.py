"""Keep nbgrader's menus out of the learners' JupyterLab; `lecture gradebook` shows instructors theirs.

Its button "Validate" would call a blank exercise right, because our checks tell instead of raising.
"""

import json
import sys
from pathlib import Path

FOLDER = Path(sys.prefix) / "etc" / "jupyter"
PARTS = ("formgrader", "validate_assignment", "assignment_list", "course_list")
SETTINGS = {
    # Read after nbgrader's own file, which switches them on.
    "jupyter_server_config.d/workbook.json": {
        "ServerApp": {"jpserver_extensions": {f"nbgrader.server_extensions.{part}": False for part in PARTS}}
    },
    "labconfig/page_config.json": {"disabledExtensions": {"@jupyter/nbgrader": True}},
}

for name, setting in SETTINGS.items():
    file = FOLDER / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(setting, indent=1) + "\n", encoding="utf-8")
