"""What may be told of the API server's refusals to people who may not read the object: in a log, a condition, an event.

::

    422, 400, and what is like them    its message may quote the whole object, an end user's name and address with it:
                                       reason, code and the names of the fields are told, and nothing that was in them
    an admission policy's or a         its author's sentence, written for people: told, whatever its code
    webhook's no
    everything else                    names of objects, users, quotas and rights: told
"""

from __future__ import annotations

import re
from typing import Any

LONGEST = 500

_QUOTING = frozenset({400, 413, 415, 422})
"""The codes whose messages may quote what was sent. 406 and 405, which do not, are left out."""
_ADMISSION = re.compile(
    r"""(?:[\w.]+\ "[^"]*"\ is\ forbidden:\ )?      # a policy's begins with the object's name, a webhook's does not
        (ValidatingAdmissionPolicy\ '.*?denied\ request:\ .*
        |admission\ webhook\ "[^"]*"\ denied\ the\ request:\ .*)""",
    re.VERBOSE | re.DOTALL,
)
_UNKNOWN_FIELDS = re.compile(r'strict decoding error: ((?:unknown field "[\w.\[\]-]+"(?:, )?)+)$')
_FIELD = re.compile(r"[\w.\[\]*/-]{1,200}")


def safe_words(code: int, status: dict[str, Any]) -> str:
    """What may be told of a metav1.Status, in one line."""
    message, reason = str(status.get("message") or ""), str(status.get("reason") or "")
    if admission := _ADMISSION.fullmatch(message):
        return _line(admission[1])
    if code not in _QUOTING:
        return _line(message or reason or str(code))
    words = f"refused as {reason or 'not acceptable'} ({code})"
    fields = sorted({field for field in _fields(status) if _FIELD.fullmatch(field)})
    words = f"{words}: {', '.join(fields)}" if fields else words
    unknown = _UNKNOWN_FIELDS.search(message)
    return f"{words} ({unknown[1]})" if unknown else words


def _fields(status: dict[str, Any]) -> list[str]:
    causes = (status.get("details") or {}).get("causes") or ()
    return [str(cause.get("field", "")) for cause in causes]


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST]
