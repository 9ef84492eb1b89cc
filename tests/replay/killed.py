"""A replay that is killed on its way: ``python -m tests.replay.killed ORIGIN FOLDER COMMANDS``."""

import asyncio
import os
import signal
import sys
from itertools import count
from pathlib import Path

from demo.replay.api import Api
from demo.replay.data_file import read_cases
from demo.replay.driver import drive
from demo.replay.mapping import plan_all
from demo.replay.tenant import password_in, prepare
from tests.replay.sample import SAMPLE


async def replay(origin: str, folder: Path, commands: int) -> None:
    """Drive the sample, and die after so many answers."""
    plans = plan_all(read_cases(SAMPLE))
    answers = count(1)

    def on_command() -> None:
        if next(answers) >= commands:
            os.kill(os.getpid(), signal.SIGKILL)

    async with Api(origin) as api:
        crew = await prepare(api, plans, password_in(folder))
        await drive(api, crew, plans, at_once=8, on_command=on_command)


if __name__ == "__main__":
    asyncio.run(replay(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
