"""Widgets of lecture 02, maximum likelihood."""

import torch

from course_utils import densities, plotting
from course_utils.ledger import nats_above_truth
from course_utils.plotting import Array
from course_utils.simulators import collider, molecular

from .base import Live, live, slider, stops


def likelihood(events: Array | None = None) -> Live:
    """Move A_FB away from its best value, in standard errors: the events under the density, and how
    far the log-likelihood falls.

    events: cosines of a measurement, (N,). Without them, 2000 are drawn at A_FB = 0.3.
    """
    if events is None:
        generator = torch.Generator().manual_seed(5)
        events = collider.sample_cos_theta(2000, 0.3, generator=generator)
    seen = torch.as_tensor(events).double()
    best = densities.fit_asymmetry(seen)
    error = float(densities.asymmetry_error(seen, best))
    best = float(best)
    grid = torch.linspace(best - 4.1 * error, best + 4.1 * error, 91, dtype=torch.float64)

    def below(a_fb: float) -> float:
        return float((collider.log_density(seen, a_fb) - collider.log_density(seen, best)).sum())

    fig, (left, right) = plotting.figure(1, 2, width=8.6, height=3.6)
    c = torch.linspace(-1, 1, 201)
    _, line = plotting.collider_angles(left, seen, c, collider.density(c), bins=25)
    line.set(color=plotting.ROLE["model"], label="model p(c)")
    left.set(ylim=(0, 1.8), xticks=[-1, -0.5, 0, 0.5, 1])
    left.legend(loc="upper left")
    plotting.log_likelihood(right, grid, torch.tensor([below(float(a)) for a in grid]))
    right.locator_params(axis="x", nbins=5)
    (dot,) = right.plot([best], [0.0], "o", color=plotting.ROLE["model"], markersize=9)

    def update(errors: float) -> str:
        a_fb = best + errors * error
        line.set_ydata(collider.density(c, a_fb).numpy())
        value = below(a_fb)
        dot.set_data([a_fb], [value])
        return (
            f"A_FB = {a_fb:.3f}, off its best value {best:.3f} by {errors:g} standard errors of "
            f"{error:.4f}: the log-likelihood is {-value:.2f} nats below its maximum."
        )

    control = slider("errors off", -4, 4, -2, step=0.5)
    return live(fig, update, moving=[line, dot], errors=control)


def mixture_size(n: int = 2000, *, seed: int = 6) -> Live:
    """Mixtures of more and more round Gaussians, fitted by EM to Mueller-Brown draws."""
    kT = 20.0
    truth = molecular.mueller_brown_truth(kT)
    generator = torch.Generator().manual_seed(seed)
    train, held_out = (molecular.sample_mueller_brown(n, kT, generator=generator) for _ in range(2))
    x, y = torch.linspace(-1.7, 1.3, 121), torch.linspace(-0.6, 2.2, 113)
    grid = torch.stack(torch.meshgrid(x, y, indexing="ij"), -1)
    sizes = [1, 2, 3, 5, 8, 12, 20]
    models = [densities.fit_mixture(train, m, generator=generator).model for m in sizes]
    roots = [
        model.log_prob(grid.flatten(0, 1)).reshape(grid.shape[:2]).div(2).exp().numpy()
        for model in models
    ]
    above = [nats_above_truth(truth.log_prob(held_out), m.log_prob(held_out)) for m in models]

    fig, ax = plotting.figure(width=5.2, height=4.4)
    image = plotting.boltzmann_map(ax, x, y, torch.tensor(roots[0]) ** 2)
    lines = plotting.energy_contours(ax, x, y, molecular.mueller_brown(grid))
    left = ax.spines["left"]  # the image, drawn anew, would cover it
    centres = plotting.walkers(ax, models[0].means, label="means")
    centres.set(sizes=[40], alpha=1)

    def update(m: int) -> str:
        i = sizes.index(m)
        image.set(data=roots[i].T, clim=(0, roots[i].max()))
        centres.set_offsets(models[i].means)
        nats, error = above[i]
        return (
            f"M = {m}: the mixture (blue by the root of its density, means orange) is {nats:.2f} ± "
            f"{error:.2f} nats above the truth (contours of the energy)."
        )

    return live(
        fig, update, moving=[image, lines, centres, left], m=stops("components M", sizes, 3)
    )
