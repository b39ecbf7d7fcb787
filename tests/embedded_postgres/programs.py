"""What the tests run in processes of their own; the first argument is the data directory."""

ATTACH_AND_WAIT = """
import select, sys
from pathlib import Path
from taskward.embedded_postgres import attach, detach
server = attach(Path(sys.argv[1]), server_settings={"fsync": "off"})
print(server.socket_dir, flush=True)
while not select.select([sys.stdin], [], [], 0.1)[0]:  # a blocking read may miss a SIGINT
    pass
detach(Path(sys.argv[1]))
print("detached", flush=True)
"""

ATTACH_AND_DETACH_REPEATEDLY = """
import asyncio, sys
from pathlib import Path
import asyncpg
from taskward.embedded_postgres import attach, detach
async def answer(server):
    connection = await asyncpg.connect(host=str(server.socket_dir), user="postgres")
    assert await connection.fetchval("select 1") == 1
    await connection.close()
for _ in range(4):
    asyncio.run(answer(attach(Path(sys.argv[1]), server_settings={"fsync": "off"})))
    detach(Path(sys.argv[1]))
"""

# Starts a worker that attaches and ends for each line of its input, as a reloader does.
SUPERVISE = """
import multiprocessing, sys
from pathlib import Path
from taskward.embedded_postgres import attach
context = multiprocessing.get_context("spawn")
for _ in sys.stdin:
    worker = context.Process(target=attach, args=(Path(sys.argv[1]),))
    worker.start()
    worker.join()
    print(worker.exitcode, flush=True)
"""

ATTACH_WITHOUT_BINARIES = """
import sys
from pathlib import Path
sys.modules["embedded_postgres"] = None
from taskward.embedded_postgres import EmbeddedPostgresError, attach
try:
    attach(Path(sys.argv[1]))
except EmbeddedPostgresError as error:
    print(error)
"""

SHOW_USER_AND_OWNER = """
import os, sys
from pathlib import Path
from taskward.embedded_postgres import EmbeddedPostgresError, attach, detach
try:
    server = attach(Path(sys.argv[1]), server_settings={"fsync": "off"})
except EmbeddedPostgresError as error:
    sys.exit(f"refused: {error}")
print(os.geteuid(), server.socket_dir.stat().st_uid)
detach(Path(sys.argv[1]))
"""
