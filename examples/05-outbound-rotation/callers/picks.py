"""Which number for this contact? Asks the dispatcher, and asks again under the same key: a contact is counted once.

    python picks.py http://127.0.0.1:8095/v1/namespaces/default/rotationsets/outbound +14155550123

Standard library only: copy it.
"""

import json
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

PAUSES = (0.2, 0.5, 1.0, 2.0)  # seconds before each further try
PASSING = (421, 500, 502, 503, 504)  # the dispatcher changes hands, or its ledger is away


class Refused(Exception):
    """Not now, or never: `problem` is the document (RFC 9457), which has `type`, `detail` and perhaps `notBefore`."""

    def __init__(self, problem):
        super().__init__(problem.get("detail", "refused"))
        self.problem = problem


class Picks:
    """Picks of one rotation set. `token_file`: the caller's token, read each time, for it is exchanged now and then."""

    def __init__(self, rotation_set, token_file=None, timeout=5.0):
        self._url, self._token_file, self._timeout = rotation_set.rstrip("/"), token_file, timeout

    def pick(self, to, key=None, **wishes):
        """`status` is "picked", and `number` to be used now; or "deferred": ask again from `notBefore` on.
        `key`: your id of this contact, so that a program that was restarted gets the same answer."""
        return self._ask("POST", "/picks", {"to": to} | wishes, key or str(uuid4()))

    def give_back(self, pick_id):
        """The number was not used: its room is free again."""
        self._ask("DELETE", f"/picks/{pick_id}")

    def _ask(self, method, path, body=None, key=None):
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        if self._token_file:
            headers["Authorization"] = f"Bearer {Path(self._token_file).read_text().strip()}"
        data = json.dumps(body).encode() if body else None
        for pause in (*PAUSES, None):
            try:
                with urlopen(Request(self._url + path, data, headers, method=method), timeout=self._timeout) as reply:
                    return json.loads(reply.read() or b"null")
            except HTTPError as error:
                if error.code not in PASSING or pause is None:
                    raise Refused(problem_in(error)) from None
            except OSError:
                if pause is None:
                    raise
            time.sleep(pause)
        return None


def problem_in(error):
    try:
        return json.loads(error.read())
    except ValueError:  # somebody between the dispatcher and us answers
        return {"detail": f"The answer is {error.code}."}


if __name__ == "__main__":
    print(json.dumps(Picks(sys.argv[1], *sys.argv[3:]).pick(sys.argv[2])))
