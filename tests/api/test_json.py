"""A task's JSON is made in two places, by PostgreSQL and here, and is the same."""

import httpx
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.conftest import User

STORABLE = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
MANY = examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(description=st.none() | st.text(STORABLE, max_size=40))
@example(description='","updated_at":"2000-01-01T00:00:00.000Z"}')
@example(description='\\","updated_at":"\\u0000\b\f\n\r\t\x01\x1f\x7f\u2028/</script>\U0001f44d')
async def test_a_task_has_the_same_bytes_and_etag_in_every_answer(
    client: httpx.AsyncClient, alice: User, description: str | None
) -> None:
    body = {"title": "t", "description": description}
    made = await client.post("/api/tasks", json=body, headers=alice.headers)
    path = made.headers["location"]
    for _ in range(2):
        got = await client.get(path, headers=alice.headers)
        listed = await client.get("/api/tasks", headers=alice.headers)
        assert got.content == made.content
        assert listed.content[1 : len(got.content) + 1] == got.content
        assert got.headers["etag"] == made.headers["etag"] == f'"{got.json()["updated_at"]}"'
        made = await client.patch(f"{path}/complete", headers=alice.headers)
