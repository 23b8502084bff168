"""Widgets of lecture 00."""

import numpy as np
import torch

from course_utils import plotting
from course_utils.simulators import collider

from .base import Live, live, log_slider


def draws_against_density(*, seed: int = 0) -> Live:
    """Sampling and density in one picture: N draws of the collider's angle over the exact p(c)."""
    most, bins = 100_000, 20
    generator = torch.Generator().manual_seed(seed)
    draws = collider.sample_cos_theta(most, generator=generator)
    c = torch.linspace(-1, 1, 201)
    edges = torch.linspace(-1, 1, bins + 1)
    exact = collider.cdf(edges).diff().numpy() * bins / 2  # mean density in each bin
    bin_of_draw = torch.bucketize(draws, edges[1:-1]).numpy()

    fig, ax = plotting.figure(height=3.4)
    bars, line = plotting.collider_angles(ax, draws, c, collider.density(c), bins=bins)

    def update(n: float) -> str:
        n = round(n)
        counts = np.bincount(bin_of_draw[:n], minlength=bins)
        height = counts * bins / (2 * n)
        bars.set_data(height)
        ax.set_ylim(0, 1.1 if height.max() < 1 else 1.2 * height.max())
        gap = np.sqrt(np.mean((height - exact) ** 2))
        return f"N = {n:,} draws: the bars miss the exact density by {gap:.3f} (root mean square)."

    return live(fig, update, moving=[bars, line], n=log_slider("draws N", 1, 5, 100, step=0.25))
