"""`python -m ringfleet.cli.webhook_process`: what `ringfleet dispatch` starts beside itself; nobody else does.

Its arguments are two file descriptors, of the socket to the dispatcher and of the one that listens, and level and
format of the log.
"""

from __future__ import annotations

import sys

from ringfleet.loading import loading


def main(end: str, listening: str, log_level: str, log_format: str) -> None:
    with loading():
        from ringfleet.cli._shared.logging import configure_logs  # isort: skip - it keeps structlog from loading more

        import uvloop

        from ringfleet.dispatch.webhook_process.process import run_webhooks

    configure_logs(log_level, log_format)
    uvloop.run(run_webhooks(int(end), int(listening)))


if __name__ == "__main__":
    main(*sys.argv[1:])
