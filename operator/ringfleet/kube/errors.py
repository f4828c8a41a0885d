"""What the API server can answer, by who must act. `kube.transport` translates once, with `raise ... from`.

::

    KubeError
    +-- NotConfigured   the user: no kubeconfig, no such context, no service account
    +-- Forbidden       the cluster's admin: the credentials are not accepted, or a right or a quota is missing
    +-- Invalid         the developer or the user: the object was refused; `causes` name the fields
    +-- NotFound        nobody: the object, its namespace or its kind is not there
    +-- AlreadyExists   nobody: a create met an object of that name
    +-- Conflict        look again: somebody wrote in between, or a precondition did not hold
    +-- Gone            list again: that resourceVersion or continue token is too old
    +-- WentBack        start anew: the API server knows less than it has told, as after a restore of etcd
    +-- Unavailable     wait: down, overloaded, timed out. A write MAY have happened: look before it is repeated
        +-- NotProcessed    wait: refused at the door, so nothing has happened
"""

from __future__ import annotations

from dataclasses import dataclass


class KubeError(Exception):
    """Anything that a call to the API server raises. The message says what, where and which input, in one line.

    It is for logs, conditions and events too, so it never quotes an object.
    """

    verbatim: str | None = None
    """What the API server said, word for word, where that may quote the object: for the terminal of the person whose
    own object it is, and for nobody else."""
    told = False
    """Whether the object that was being reconciled says of it already, in better words than can be found elsewhere."""


class NotConfigured(KubeError):
    """There is no API server to talk to: nothing names one, or what names it can't be read."""


class Forbidden(KubeError):
    """The API server knows who asks and refuses, or does not accept the credentials at all."""


@dataclass(frozen=True, slots=True)
class FieldCause:
    """One field that was refused: its path (`spec.size.min`) and the API server's sentence."""

    field: str
    message: str


class Invalid(KubeError):
    """The object or the request was refused, and would be refused again."""

    def __init__(self, message: str, causes: tuple[FieldCause, ...] = ()) -> None:
        super().__init__(message)
        self.causes = causes


class NotFound(KubeError):
    """The object is not there; or its namespace; or its kind, when the CRDs are not installed."""


class AlreadyExists(KubeError):
    """An object of that name exists. For a name that we derive, that is success."""


class Conflict(KubeError):
    """The resourceVersion or the uid that the write was meant for is no longer the object's."""


class Gone(KubeError):
    """The resourceVersion or continue token is older than what the API server keeps: list again."""


class WentBack(KubeError):
    """The API server's history has gone back: what a process has read of it is of another history, all of it.

    resourceVersions count anew from an older one, so a watch that goes on from the newest that was told hears nothing
    until they are there again, and what is listed looks older than what is known. Only a new process knows nothing.
    """


class Unavailable(KubeError):
    """No answer, or no useful one. `retry_after` in seconds, None if the API server did not say.

    A write that raises this may have taken effect. Callers look at the object again, they do not repeat blindly.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotProcessed(Unavailable):
    """The call did not get in (no connection, 429, 503 with Retry-After): repeating it is safe, a write too."""
