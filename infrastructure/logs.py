"""Logs as lines of JSON on standard output, with what is secret blotted out."""

import logging
import re
import sys
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_BLOT: Final = "[redacted]"
_SECRET_NAMES: Final = re.compile(
    r"passw|secret|token|authorization|cookie|api_?key|_url$", re.IGNORECASE
)
_SECRET_TEXT: Final = (
    (re.compile(r"(\w+://[^\s:/@]+:)[^\s@]+(?=@)"), rf"\1{_BLOT}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {_BLOT}"),
    (re.compile(r"(?i)\b(password|secret|access_token|token)(['\"]?\s*[=:]\s*['\"]?)[^\s'\",&}]+"),
     rf"\1\2{_BLOT}"),
)  # fmt: skip


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Blot out fields with the name of a secret, and secrets inside any text."""
    return {name: _redacted(name, value) for name, value in event.items()}


def redacted_text(text: str) -> str:
    """``text`` without passwords in URLs, bearer tokens, and values called a secret."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _plain(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    # The same text again, with colours for a terminal.
    event.pop("color_message", None)
    return event


def configure_logging(process: str, level: int = logging.INFO) -> None:
    """Write every log of this process as JSON; ``process`` stands in each line."""

    def named(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {"process": process, **event}

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        named,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _plain, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # What a client sends is its own; drivers say again what we already report as errors.
    for noisy in ("httpx", "httpcore", "aiormq", "aio_pika", "psycopg", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def _redacted(name: str, value: object) -> object:
    if isinstance(value, str):
        return _BLOT if _SECRET_NAMES.search(name) and value else redacted_text(value)
    if isinstance(value, dict):
        return {key: _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(name, inner) for inner in value]
    return _BLOT if _SECRET_NAMES.search(name) and isinstance(value, bytes) else value
