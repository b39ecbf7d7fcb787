"""An agent in the same process: it calls the tools as functions, without HTTP or a token.

    DATABASE_URL=postgresql://… .venv/bin/python examples/agent_in_process.py USER_ID

Where this script decides, a model would: hand it `LISTED`, run what it asks for with `call`.
"""

import asyncio
import os
import sys

from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from taskward.mcp.tools import LISTED, call


async def main(user_id: str) -> None:
    """Add what is missing from a shopping list, and tick off what is bought."""
    print(f"{len(LISTED)} tools: {', '.join(tool['name'] for tool in LISTED)}")
    database = Database()
    await database.open(DatabaseURL.parse(os.environ["DATABASE_URL"]).connect_arguments())
    try:
        there = await call(database, user_id, "list_tasks", {"query": "buy "})
        have = {task["title"] for task in there["tasks"]}
        new = [{"title": t} for t in ("Buy milk", "Buy bread") if t not in have]
        if new:
            print(await call(database, user_id, "add_tasks", {"tasks": new}))
        there = await call(database, user_id, "list_tasks", {"query": "milk", "limit": 1})
        task_id = there["tasks"][0]["id"]
        print(await call(database, user_id, "complete_task", {"task_id": task_id}))
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
