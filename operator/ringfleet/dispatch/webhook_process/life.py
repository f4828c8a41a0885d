"""One webhook process, from its start to its end, as the dispatcher sees it.

A process that says nothing answers nobody, and is killed. Looks are counted, not time: it may be this process that was
stopped, or that waits for a processor.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from ringfleet.dispatch.webhook_process.lines import Lines
from ringfleet.dispatch.webhook_process.messages import Begin, Drain, Known, Moved, Ready, Up

LOOK_SECONDS: Final = 1.0
START_LOOKS: Final = 60
"""So many looks without Ready, and it is taken for one that never comes."""
SILENT_LOOKS: Final = 10
"""So many looks without a word, and it is taken for dead."""
END_SECONDS: Final = 5.0
"""How long its end may take once it has said its last word."""
_OURS: Final = "RINGFLEET_"
"""Variables of the dispatcher, which name its ledger: whoever reads strangers' requests needs none of them."""

log = structlog.get_logger(__name__)

Process = asyncio.subprocess.Process


async def start(end: socket.socket, listening: socket.socket, log_level: str, log_format: str) -> Process:
    """Raises OSError: no process can be started."""
    descriptors = (end.fileno(), listening.fileno())
    command = ("-m", "ringfleet.cli.webhook_process", *map(str, descriptors), log_level, log_format)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    nothing = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, pass_fds=descriptors, stdin=nothing, stdout=nothing, env=environment
    )


class Life:
    """See the module. `hear`: what it says, and who may answer."""

    def __init__(self, process: Process, lines: Lines[Up], hear: Callable[[Up, Lines[Up]], None]) -> None:
        self.process = process
        self._lines = lines
        self._hear = hear
        self._heard = False
        self._leaving = False
        self.listens = False
        self.looks = 0
        """How many it was looked at since it listens."""

    def say(self, message: Begin | Known | Moved) -> None:
        self._lines.say(message)

    def drain(self) -> None:
        """Take no more connections, answer what is under way, and end."""
        self._leaving = True
        self._lines.say(Drain())

    async def run(self) -> None:
        """Until it has ended. Cancelled, it is killed."""
        looking = asyncio.create_task(self._look())
        try:
            async for message in self._lines.heard():
                self._heard = True
                self.listens = self.listens or isinstance(message, Ready)
                self._hear(message, self._lines)
            if self._leaving:
                await self._leave()
        except ValueError as error:
            log.error("webhook process says what is no message", error=type(error).__name__)  # noqa: TRY400 - may quote
        finally:
            looking.cancel()
            self.listens = False
            self._lines.close()
            self._kill()
            await self.process.wait()

    async def _leave(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), END_SECONDS)

    async def _look(self) -> None:
        silent = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            silent = 0 if self._heard else silent + 1
            self._heard = False
            self.looks += self.listens
            if silent >= (SILENT_LOOKS if self.listens else START_LOOKS):
                log.error("webhook process is silent: killed", listens=self.listens)
                self._kill()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
