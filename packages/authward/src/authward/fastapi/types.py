"""FastAPI's types in the signatures of modules that otherwise do not depend on FastAPI."""

from typing import TypeAlias

from fastapi import APIRouter, FastAPI

App: TypeAlias = FastAPI
Router: TypeAlias = APIRouter
