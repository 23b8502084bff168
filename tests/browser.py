"""Finding a browser for the tests that need one, and starting it without chatter."""

import os
import shutil
import sys
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
)
MAC = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
WINDOWS = (
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
)


def find_browser() -> str | None:
    """The path of an installed Chromium, Chrome or Edge, whichever comes first, or None."""
    on_path = (shutil.which(name) for name in NAMES)
    return next((path for path in (*on_path, *_usual_places()) if path), None)


def browser_arguments() -> list[str]:
    """Chromium's flags for a test: no window, no graphics card, nothing fetched behind its back."""
    flags = [
        "--headless",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    # Chromium refuses to sandbox for root; what it opens here is our own server.
    return [*flags, "--no-sandbox"] if is_root else flags


def _usual_places() -> list[str]:
    """Paths where macOS and Windows keep browsers, which are not on PATH there."""
    if sys.platform == "darwin":
        folders, names = [Path("/Applications"), Path.home() / "Applications"], MAC
    elif sys.platform == "win32":
        keys = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
        folders, names = [Path(os.environ[key]) for key in keys if key in os.environ], WINDOWS
    else:
        return []
    places = [folder / name for name in names for folder in folders]
    return [str(place) for place in places if place.is_file()]
