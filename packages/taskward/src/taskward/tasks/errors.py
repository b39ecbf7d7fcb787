"""What can be wrong with a task or a key; `http/errors.py` has the words for it."""


class TaskNotFoundError(Exception):
    """There is no such task, or it is somebody else's: nobody is told which."""


class TaskChangedError(Exception):
    """The task is not in a version that the request names."""


class RequestInFlightError(Exception):
    """A request with the same Idempotency-Key has not been answered yet."""
