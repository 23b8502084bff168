"""Time of one slider move, for every widget of the course: `python benchmarks/widgets.py`.

The baseline rebuilds the figure on each move, as a drawing function under `interact` does: a new
figure, its layout, its axes, savefig. The widget draws on the figure that is there. Both make the
same picture, which is checked first by comparing the pixels of the two.
"""

import io
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from ipywidgets import Dropdown, FloatLogSlider, SelectionSlider
from matplotlib.figure import Figure
from PIL import Image

from course_utils import plotting
from course_utils.simulators import collider
from course_utils.widgets import WIDGETS, Live, asymmetry
from course_utils.widgets.base import LIVE_DPI

AIM = 60.0  # ms
MOVES = 21


def median_ms(action: Callable[[int], object]) -> tuple[float, float]:
    """Median elapsed and processor time of `action(i)`, i = 0, 1, ...; two more warm it up.

    On a machine with other work the elapsed time includes waiting; the processor time does not.
    """
    elapsed, processor = [], []
    for i in range(MOVES + 2):
        start, cpu_start = time.perf_counter(), time.process_time()
        action(i)
        elapsed.append(1000 * (time.perf_counter() - start))
        processor.append(1000 * (time.process_time() - cpu_start))
    return statistics.median(elapsed[2:]), statistics.median(processor[2:])


def stop(widget: Live, i: int) -> dict[str, object]:
    """Setting number i of a walk back and forth over the widget's first slider."""
    name, control = next((n, c) for n, c in widget.controls.items() if not isinstance(c, Dropdown))
    if isinstance(control, SelectionSlider):
        return {name: control.options[i % len(control.options)][1]}
    value = control.min + (control.max - control.min) * ((3 * i) % 10) / 9
    return {name: 10**value if isinstance(control, FloatLogSlider) else value}


def rebuild(u: torch.Tensor, a_fb: float) -> bytes:
    """The picture of `asymmetry`, made from nothing."""
    fig, ax = plotting.figure(height=3.4)
    c = torch.linspace(-1, 1, 201)
    plotting.collider_angles(
        ax, collider.inverse_cdf(u, a_fb), c, collider.density(c, a_fb), bins=25
    )
    ax.axvline(0, ymax=0.84, color=plotting.ROLE["neutral"], linewidth=1, linestyle=":")
    ax.text(-0.03, 0.76, "backward", transform=ax.get_xaxis_transform(), ha="right")
    ax.text(0.03, 0.76, "forward", transform=ax.get_xaxis_transform(), ha="left")
    ax.set_ylim(0, 2)
    return saved(fig)


def saved(fig: Figure) -> bytes:
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=LIVE_DPI)
    return buffer.getvalue()


def differing(one: bytes, other: bytes) -> float:
    """Fraction of pixels in which two PNGs differ visibly; 1 if they have not the same size."""
    a, b = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int) for png in (one, other))
    return float((abs(a - b).max(-1) > 16).mean()) if a.shape == b.shape else 1.0


def main() -> int:
    u = torch.rand(2000, generator=torch.Generator().manual_seed(1))
    widget = asymmetry()
    for a_fb in (-0.5, 0.0, 0.6):
        widget.move(a_fb=a_fb)
        share = differing(widget.png, rebuild(u, a_fb))
        if share > 0.005:
            print(f"At A_FB = {a_fb}, widget and baseline differ in {share:.1%} of the pixels.")
            return 1
    baseline = median_ms(lambda i: rebuild(u, -0.75 + 0.05 * (i % 31)))

    print(f"One slider move, median of {MOVES}; aim: under {AIM:.0f} ms. The baseline draws the")
    print("same picture as 01 asymmetry, in a figure that is built anew.\n")
    print(f"{'widget':30}{'ms':>8}{'processor ms':>15}{'baseline / widget':>20}")

    def row(name: str, ms: float, processor: float) -> None:
        print(f"{name:30}{ms:8.1f}{processor:15.1f}{baseline[1] / processor:20.1f}")

    row("baseline: rebuild the figure", *baseline)
    slow = []
    for name, make in WIDGETS.items():
        made = make()
        ms, processor = median_ms(lambda i, made=made: made.move(**stop(made, i)))
        made.close()
        row(name, ms, processor)
        if ms > AIM:
            slow.append(name)
    print(f"\nover {AIM:.0f} ms: {', '.join(slow) or 'none'}")
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if busy > (os.cpu_count() or 1):
        print(f"This machine is busy (load {busy:.1f}): read the processor time.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
