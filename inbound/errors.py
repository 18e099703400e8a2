"""The error classes of the service.

Callers decide by the class of an error, never by its text:

* `RetryableError`: infrastructure did not answer, or a transaction lost a race; the same
  call may succeed later. tenacity retries this class and no other.
* `PoisonError`: this one message can never be processed; set it aside as a dead letter and go on.
* `SetupError`: a setting, key, file or server is wrong; commands print it as one line
  and end with exit status 2.

Anything else that is raised is a bug and ends the process with a traceback.
"""


class ScservError(Exception):
    """Base class of every error that this service raises on purpose."""


class RetryableError(ScservError):
    """Infrastructure failed; repeating the call later is safe."""


class PoisonError(ScservError):
    """A message can never be processed, however often it is retried."""


class SetupError(ScservError):
    """The operator has to change something; the text names the input and the fix."""


class MissingSettingError(SetupError):
    """A setting that a command needs is not set."""

    def __init__(self, variable: str, hint: str = "") -> None:
        """`hint` says where a value comes from."""
        super().__init__(
            f"{variable} is not set. Set it, name a TOML file with --config, or name the folder "
            f"of a running `scserv up` with --data-dir{hint and f'; {hint}'}"
        )
