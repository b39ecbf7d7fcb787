"""Plugins are loaded when they are asked for, and their factories are not hidden by modules."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from authward import plugins

SOURCE = Path(plugins.__file__ or "").read_text()


LOADING = """
import sys, authward
from authward.plugins import jwt
print('authward.plugins.username' in sys.modules)
import authward.plugins.username
from authward import plugins
print(plugins.username().id)
"""


@cache
def _printed() -> list[str]:
    """By a process of its own, as nothing may be loaded before."""
    done = subprocess.run(
        [sys.executable, "-c", LOADING], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


def test_what_is_not_asked_for_is_not_loaded() -> None:
    assert _printed()[0] == "False"


def test_a_factory_stays_a_factory_after_its_module_was_imported() -> None:
    assert _printed()[1] == "username"


def test_a_name_that_is_no_plugin_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_plugin"):
        _ = plugins.no_such_plugin


def test_all_lists_of_plugins_name_the_same() -> None:
    imports = {
        alias.name: (node.module or "").removeprefix("authward.plugins.")
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("authward.plugins.")
        for alias in node.names
    }
    assert imports == plugins._MODULES
    assert set(imports) == set(plugins.__all__) - {"HashedBy", "NEED_NO_CODE", "without_options"}


@pytest.mark.parametrize("name", sorted(plugins._MODULES))
def test_every_name_is_where_the_list_says(name: str) -> None:
    assert callable(getattr(plugins, name))


@pytest.mark.parametrize("name", sorted(plugins.NEED_NO_CODE))
def test_a_plugin_that_needs_no_code_is_made_without_options(name: str) -> None:
    assert plugins.without_options(name).id == name
