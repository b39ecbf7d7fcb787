"""The usual FastAPI service: an SQLModel ORM session per request, dependencies, PyJWT."""

import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import PlainSerializer, StringConstraints
from sqlalchemy import BigInteger, DateTime, Identity, func, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

SECRET = os.environ["SECRET"]
engine = create_async_engine("postgresql+asyncpg://", pool_size=10, max_overflow=0)
app = FastAPI()


def to_json(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds() -> datetime:
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Moment = Annotated[datetime, PlainSerializer(to_json)]
NOW = func.date_trunc(text("'milliseconds'"), func.now())


class TaskCreate(SQLModel):
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    description: Annotated[str, StringConstraints(max_length=10_000)] | None = None


class Task(SQLModel, table=True):
    __tablename__ = "tasks"

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    user_id: str
    title: str
    description: str | None = None
    completed: bool = False
    created_at: datetime | None = Field(
        default=None,
        sa_type=DateTime(timezone=True),  # type: ignore[call-overload,unused-ignore]
        sa_column_kwargs={"server_default": NOW},
    )
    updated_at: datetime | None = Field(
        default=None,
        sa_type=DateTime(timezone=True),  # type: ignore[call-overload,unused-ignore]
        sa_column_kwargs={"server_default": NOW},
    )


class TaskRead(SQLModel):
    id: int
    user_id: str
    title: str
    description: str | None
    completed: bool
    created_at: Moment
    updated_at: Moment


async def get_session() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as session:
        yield session


async def get_user_id(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> str:
    try:
        claims = jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise HTTPException(401, "Invalid token") from None
    return str(claims["sub"])


Session = Annotated[AsyncSession, Depends(get_session)]
UserId = Annotated[str, Depends(get_user_id)]


async def find(session: AsyncSession, user_id: str, task_id: int) -> Task:
    statement = select(Task).where(Task.id == task_id, Task.user_id == user_id)
    task = (await session.exec(statement)).first()
    if task is None:
        raise HTTPException(404, "Task not found")
    return task


async def save(session: AsyncSession, task: Task) -> Task:
    session.add(task)
    await session.commit()
    await session.refresh(task)
    return task


@app.get("/api/tasks", response_model=list[TaskRead])
async def list_tasks(session: Session, user_id: UserId) -> Sequence[Task]:
    statement = select(Task).where(Task.user_id == user_id).order_by(col(Task.id).desc())
    return (await session.exec(statement)).all()


@app.post("/api/tasks", response_model=TaskRead, status_code=201)
async def create_task(body: TaskCreate, session: Session, user_id: UserId) -> Task:
    return await save(session, Task(**body.model_dump(), user_id=user_id))


@app.get("/api/tasks/{task_id}", response_model=TaskRead)
async def get_task(task_id: int, session: Session, user_id: UserId) -> Task:
    return await find(session, user_id, task_id)


@app.patch("/api/tasks/{task_id}/complete", response_model=TaskRead)
async def toggle_task(task_id: int, session: Session, user_id: UserId) -> Task:
    task = await find(session, user_id, task_id)
    task.completed = not task.completed
    task.updated_at = milliseconds()
    return await save(session, task)
