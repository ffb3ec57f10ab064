import asyncio
import time
from datetime import datetime


async def late(at):
    # ruleid: parley-clock
    if at < time.time():
        # ruleid: parley-clock
        await asyncio.sleep(1)
    # ruleid: parley-clock
    return datetime.now()


def right(at, now):
    # ok: parley-clock
    return at < now.time()
