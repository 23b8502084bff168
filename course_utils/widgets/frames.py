"""All pictures of a slider, drawn beforehand: a page without a kernel can then show any of them.

`Live.frame` is pure, so the positions of the controls can be gone through when a page is made. One
control keeps all its stops. Two make a grid, thinned so that it stays a page and not an archive. Of
three or more each moves alone, while the others stay where they start.
"""

import base64
import io
import itertools
import math
from collections.abc import Iterator
from typing import Any

from ipywidgets import Dropdown, FloatLogSlider, SelectionSlider
from PIL import Image

from .base import Live

MOST = 300  # frames of one widget
LOSSLESS_BELOW = 24_000  # bytes; maps of many colours are larger, and are compressed with loss


def frames(live: Live, *, most: int = MOST) -> dict[str, Any]:
    """The widget as plain data, for `authoring/moving.py`.

    Returns:
        {"controls": [{"label", "kind", "stops", "start"}], "alone": bool, "note": str,
        "width": int, "frames": {"2,0": [picture as a data URI, sentence]}}, the keys of the last
        being positions of the controls, counted from 0.
    """
    every = {name: stops_of(control) for name, control in live.controls.items()}
    kept, alone = _thinned(live, every, most)
    starts = [stops.index(_nearest(stops, live.values[name])) for name, stops in kept.items()]
    found = {}
    for position in _positions([len(stops) for stops in kept.values()], starts, alone):
        chosen = zip(kept.items(), position, strict=True)
        png, sentence = live.frame(**{name: stops[i][1] for (name, stops), i in chosen})
        found[",".join(map(str, position))] = [_web_picture(png), sentence]
    return {
        "controls": [
            {
                "label": live.controls[name].description,
                "kind": "choice" if isinstance(live.controls[name], Dropdown) else "slider",
                "stops": [label for label, _ in stops],
                "start": start,
            }
            for (name, stops), start in zip(kept.items(), starts, strict=True)
        ],
        "alone": alone,
        "note": _note(every, kept, alone),
        "width": live.width,
        "frames": found,
    }


def stops_of(control: Any) -> list[tuple[str, Any]]:
    """(label, value) of each position of a control, in its order."""
    if isinstance(control, SelectionSlider):
        return list(control.options)
    if isinstance(control, Dropdown):
        return [(str(option), option) for option in control.options]
    count = round((control.max - control.min) / control.step)
    at = [control.min + i * control.step for i in range(count + 1)]
    values = [control.base**x for x in at] if isinstance(control, FloatLogSlider) else at
    return [(format(value, control.readout_format), value) for value in values]


def _thinned(live: Live, every: dict[str, list], most: int) -> tuple[dict[str, list], bool]:
    """The stops that are kept, and whether each control moves alone."""
    alone = len(every) > 2
    share = most // len(every) if alone else math.floor(most ** (1 / max(1, len(every))))
    kept = {}
    for name, stops in every.items():
        if isinstance(live.controls[name], Dropdown) or len(stops) <= share:
            kept[name] = stops
            continue
        even = {round(i * (len(stops) - 1) / (share - 2)) for i in range(share - 1)}
        even.add(stops.index(_nearest(stops, live.values[name])))  # where it starts
        kept[name] = [stops[i] for i in sorted(even)]
    return kept, alone


def _nearest(stops: list[tuple[str, Any]], value: Any) -> tuple[str, Any]:
    if isinstance(value, str):
        return next(stop for stop in stops if stop[1] == value)
    return min(stops, key=lambda stop: abs(stop[1] - value))


def _positions(sizes: list[int], starts: list[int], alone: bool) -> Iterator[tuple[int, ...]]:
    if not alone:
        yield from itertools.product(*map(range, sizes))
        return
    seen = set()
    for moving, size in enumerate(sizes):
        for i in range(size):
            position = tuple(i if k == moving else start for k, start in enumerate(starts))
            if position not in seen:
                seen.add(position)
                yield position


def _note(every: dict[str, list], kept: dict[str, list], alone: bool) -> str:
    if alone:
        return "On this page each control moves by itself; the others go back to where they start."
    if any(len(kept[name]) < len(every[name]) for name in every):
        return "This page holds some of the positions; the notebook has all of them."
    return ""


def _web_picture(png: bytes) -> str:
    """The picture as WebP in a data URI: without loss, or where that is large with little."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    content = _webp(picture, lossless=True, quality=60, method=1)
    if len(content) > LOSSLESS_BELOW:
        content = min(content, _webp(picture, quality=82, method=1), key=len)
    return "data:image/webp;base64," + base64.b64encode(content).decode()


def _webp(picture: Image.Image, **settings: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", **settings)
    return file.getvalue()
