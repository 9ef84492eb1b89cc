"""Log lines are JSON, and nothing secret stands in them."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from infrastructure.logs import configure_logging

CANARY = "canary-7Qx2"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "text",
    [
        f"cannot connect to postgresql://qm_command:{CANARY}@127.0.0.1/x",
        f"amqp://guest:{CANARY}@broker:5672/%2F is away",
        f"Authorization: Bearer {CANARY}-and-more",
        f"password={CANARY}&username=a",
        f'{{"access_token": "{CANARY}"}}',
    ],
)
def test_a_secret_inside_a_text_is_blotted_out(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("test")
    logging.getLogger("some.driver").warning(text)
    line = capsys.readouterr().out
    assert CANARY not in line
    assert json.loads(line)["process"] == "test"


def test_a_field_with_the_name_of_a_secret_is_blotted_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("test")
    structlog.get_logger("ours").info(
        "signed in", password=CANARY, nested={"secret_key": CANARY}, many=[{"token": CANARY}], n=1
    )
    line = capsys.readouterr().out
    assert CANARY not in line
    assert json.loads(line)["n"] == 1


def test_a_traceback_is_blotted_out_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("test")
    try:
        int(f"postgresql://a:{CANARY}@h/d")
    except ValueError:
        logging.getLogger("ours").exception("failed")
    line = capsys.readouterr().out
    assert CANARY not in line
    assert "ValueError" in json.loads(line)["exception"]
