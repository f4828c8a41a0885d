"""How the long-running commands write their logs."""

from __future__ import annotations

import logging
import sys

from ringfleet.loading import without

with without("rich"):  # which structlog would load with all its own, a twelfth of a start, to colour tracebacks
    import structlog


def configure_logs(log_level: str, log_format: str) -> None:
    """Structured logs on stderr: one JSON object a line, or coloured lines for a person."""
    level = logging.getLevelNamesMapping()[log_level.upper()]
    console = log_format == "console"
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer(default=str)
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, rendered],
        )
    )
    for chatty in ("httpx", "httpcore"):  # they log whole URLs, numbers included
        logging.getLogger(chatty).setLevel(logging.WARNING)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING) if level > logging.DEBUG else level)
