"""Fixtures that several test files share."""

import os

import pytest
from browser import find_browser


@pytest.fixture(scope="session")
def browser_path() -> str:
    """The path of an installed browser; without one the test is skipped, but under CI it fails."""
    path = find_browser()
    if path is None and os.environ.get("CI") == "true":
        pytest.fail("CI has no browser: start.py should have installed chromium")
    if path is None:
        pytest.skip("no Chromium, Chrome or Edge is installed here")
    return path
