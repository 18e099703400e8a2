"""Why a job failed, as pages say it: keys of the desk's words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from inbound.desk.long_work import Job, JobRefusedError
from inbound.desk.problems import ErrorPage
from inbound.errors import SetupError
from inbound.store.access.desk_jobs import JobState

NO_ROOM: Final = "room"
BROKEN_OFF: Final[Mapping[str, str]] = {
    "outage": "The database did not answer meanwhile. Nothing was stored: send the form again.",
    "stopped": "The service was stopped meanwhile. Nothing was stored: send the form again.",
    "lost": "The process that was at it has died. Nothing was stored: send the form again.",
    "defect": "Something went wrong in the service itself. Nothing was stored: tell an operator, "
    "who finds the reason in the log of the service.",
    NO_ROOM: "The file could not be written: the disk may be full. Nothing was stored: tell an "
    "operator, and send the form again later.",
}


def no_room() -> JobRefusedError:
    """Refuse a job whose file can't be written."""
    return JobRefusedError({"problem": NO_ROOM})


@contextmanager
def writing_file() -> Iterator[None]:
    """Refuse the job if its file can't be written."""
    try:
        yield
    except (OSError, SetupError, ErrorPage):
        pass
    else:
        return
    raise no_room()


def problem_of(job: Job) -> str:
    """Return why a job has not done what it should; "" for one that has."""
    if job.state is JobState.LOST:
        return "lost"
    return str(job.result.get("problem", "")) if job.state is JobState.FAILED else ""
