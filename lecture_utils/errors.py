"""Errors that say in one line what was wrong and what to do next."""


class LectureError(Exception):
    """Something the reader can mend: the message is one line and names the next step."""


class DatasetError(LectureError):
    """A data set is missing, damaged or too large for this machine."""
