"""The one error tree of the service.

What a caller does about an error follows from its class, never from its text:

* `RetryableError`: infrastructure did not answer or lost a race; the same call may
  succeed later. tenacity retries this class and no other.
* `PoisonError`: this one message can never be processed; park it and go on.
* `SetupError`: a setting, key, file or server is wrong; commands print it as one line
  and end with exit status 2.

Anything else that is raised is a bug and ends the process with a traceback.
"""


class ScservError(Exception):
    """Root of every error this service raises on purpose."""


class RetryableError(ScservError):
    """Infrastructure failed for now; repeating the call later is safe."""


class PoisonError(ScservError):
    """One message can never be processed, however often it is tried."""


class SetupError(ScservError):
    """The operator has to change something; the text names the input and the way out."""
