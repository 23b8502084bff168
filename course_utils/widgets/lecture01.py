"""Widgets of lecture 01, the simulators."""

import math

import numpy as np
import torch

from course_utils import plotting
from course_utils.plotting import Array
from course_utils.simulators import collider, cosmology, molecular, sprites

from .base import Live, choice, live, pixels, slider, stops


def asymmetry(n: int = 2000, *, seed: int = 1) -> Live:
    """The forward-backward asymmetry under a slider: the exact density, and N events from it."""
    bins = 25
    # One set of uniform numbers for all settings: what moves is the distribution, not the noise.
    u = torch.rand(n, generator=torch.Generator().manual_seed(seed))
    c = torch.linspace(-1, 1, 201)

    fig, ax = plotting.figure(height=3.4)
    bars, line = plotting.collider_angles(ax, u, c, collider.density(c), bins=bins)
    ax.axvline(0, ymax=0.84, color=plotting.ROLE["neutral"], linewidth=1, linestyle=":")
    ax.text(-0.03, 0.76, "backward", transform=ax.get_xaxis_transform(), ha="right")
    ax.text(0.03, 0.76, "forward", transform=ax.get_xaxis_transform(), ha="left")
    ax.set_ylim(0, 2)

    def update(a_fb: float) -> str:
        events = collider.inverse_cdf(u, a_fb).numpy()
        bars.set_data(np.histogram(events, bins=bins, range=(-1, 1), density=True)[0])
        line.set_ydata(collider.density(c, a_fb).numpy())
        measured = np.mean(np.sign(events))
        error = math.sqrt((1 - a_fb**2) / n)
        return (
            f"A_FB = {a_fb:.2f}: of {n:,} events, the forward minus the backward fraction is "
            f"{measured:.3f} ± {error:.3f}."
        )

    return live(fig, update, moving=[bars, line], a_fb=slider("A_FB", -0.75, 0.75, 0.3, step=0.05))


def structure_growth(a: Array | None = None, density: Array | None = None) -> Live:
    """Structure forming under a slider for the scale factor: stored snapshots of a simulation.

    a: scale factors, (T,), increasing. density: overdensities delta, (T, n, n). Without them, a
    simulation of the lecture's universe is run.
    Raises: ValueError if the two do not fit together.
    """
    if a is None or density is None:
        times, density = _simulate_growth()
    else:
        times = [float(time) for time in a]
    delta = plotting.array(density)
    if delta.ndim != 3 or len(delta) != len(times):
        raise ValueError(
            f"structure_growth needs one (n, n) density for each of the {len(times)} scale "
            f"factors, got shape {delta.shape}."
        )
    spread = delta.std(axis=(1, 2))
    # Painted as in plotting.field: transposed with the origin below, on a logarithmic scale.
    pictures = np.log10(np.maximum(1 + delta.swapaxes(1, 2)[:, ::-1], 1e-2))

    def update(a: float) -> tuple[np.ndarray, str]:
        i = times.index(a)
        linear = spread[0] * a / times[0]
        return pictures[i], (
            f"a = {a:.2f}: the density contrast δ has standard deviation {spread[i]:.2f}; "
            f"growing in proportion to a, it would have {linear:.2f}. The colours are logarithmic."
        )

    control = stops("scale factor a", times, 0.5)
    return pixels(update, cmap="magma", low=-1.2, high=1.2, a=control)


def _simulate_growth(*, seed: int = 3) -> tuple[list[float], torch.Tensor]:
    """Twenty snapshots of the lecture's universe; half a second."""
    # Four particles for each pixel: with fewer, empty regions show the lattice they started on.
    n, shown = 256, 128
    generator = torch.Generator().manual_seed(seed)
    delta = cosmology.sample_field(cosmology.lecture_power(n), 1, generator=generator)[0]
    states = cosmology.nbody(delta, 0.05, 1.0, 38, snapshots=19)
    times = [round(state.a, 6) for state in states]
    return times, torch.stack([cosmology.density(state.positions, shown) for state in states])


def temperature(kT: Array | None = None, positions: Array | None = None) -> Live:
    """Walkers on the Mueller-Brown surface under a slider for kT, over the exact density.

    kT: temperatures, (T,), increasing. positions: walkers at the end of a run at each, (T, N, 2).
    Without them, 500 walkers, half of them from each of the two deepest minima, are run at six
    temperatures for a time that is long enough at kT = 20 and far too short at kT = 10.
    Raises: ValueError if the two do not fit together.
    """
    if kT is None or positions is None:
        stages, positions = _run_walkers()
    else:
        stages = [float(value) for value in kT]
    walkers = torch.as_tensor(positions)
    if walkers.ndim != 3 or len(walkers) != len(stages) or walkers.shape[-1] != 2:
        raise ValueError(
            f"temperature needs walkers (N, 2) for each of the {len(stages)} temperatures, got "
            f"shape {tuple(walkers.shape)}."
        )
    x, y = torch.linspace(-1.7, 1.3, 121), torch.linspace(-0.6, 2.2, 113)
    energy = molecular.mueller_brown(torch.stack(torch.meshgrid(x, y, indexing="ij"), -1))
    roots = [
        torch.exp(-energy / (2 * value)).numpy() for value in stages
    ]  # sqrt(p), up to a factor
    basin = molecular.in_deep_basin
    exact = [molecular.mueller_brown_truth(value).population(basin) for value in stages]
    found = basin(walkers).double().mean(1).tolist()

    fig, ax = plotting.figure(width=5.2, height=4.4)
    image = plotting.boltzmann_map(ax, x, y, torch.exp(-energy / stages[0]))
    lines = plotting.energy_contours(ax, x, y, energy)
    dots = plotting.walkers(ax, walkers[0])
    left = ax.spines["left"]  # the image, drawn anew, would cover it
    (border,) = ax.plot(
        [x[0], 0, 0], [0.7, 0.7, y[-1]], color=plotting.ROLE["truth"], lw=1, ls="--"
    )

    def update(kT: float) -> str:
        i = stages.index(kT)
        image.set(data=roots[i].T, clim=(0, roots[i].max()))
        dots.set_offsets(walkers[i])
        n = walkers.shape[1]
        off = (found[i] - exact[i]) / math.sqrt(exact[i] * (1 - exact[i]) / n)
        verdict = f"{abs(off):.1f} standard errors apart"
        return (
            f"kT = {kT:g}: {found[i]:.3f} of {n} walkers are in the upper left basin (dashed), "
            f"where the exact density (blue, by its root) puts {exact[i]:.3f}: {verdict}."
        )

    return live(
        fig, update, moving=[image, lines, dots, border, left], kT=stops("kT", stages, 10.0)
    )


def _run_walkers(n: int = 500, *, seed: int = 4) -> tuple[list[float], torch.Tensor]:
    """Langevin walkers from the two deepest minima, for 30 time units; about two seconds.

    BAOAB rather than overdamped steps: at this step its populations are exact to 0.5 %, which
    Euler-Maruyama reaches only with steps far too short for a slider's patience.
    """
    stages = [10.0, 12.5, 15.0, 20.0, 25.0, 30.0]
    steps = 3000
    start = torch.tensor(molecular.MINIMA[:2]).repeat(n // 2, 1)  # (n, 2)
    generator = torch.Generator().manual_seed(seed)
    ends = [
        molecular.baoab(
            start,
            molecular.mueller_brown_force,
            steps=steps,
            dt=0.01,
            kT=value,
            friction=10.0,
            keep_every=steps,
            generator=generator,
        )[0][-1]
        for value in stages
    ]
    return stages, torch.stack(ends)


def sprite(size: int = 28) -> Live:
    """A sprite and its five causes: shape, scale, orientation, x, y."""

    def update(shape: str, scale: float, turn: float, x: float, y: float) -> tuple[Array, str]:
        image = sprites.image(shape, scale, math.radians(turn), x, y, size)
        return image, (
            f"{shape.capitalize()} of scale {scale:.2f}, turned by {turn:.0f}°, at x = {x:.2f}, "
            f"y = {y:.2f}: five causes decide {size * size} pixels, "
            f"of which {float(image.sum()):.0f} are ink."
        )

    return pixels(
        update,
        width=336,
        shape=choice("shape", list(sprites.SHAPES), "heart"),
        scale=slider("scale", 0.2, 0.6, 0.45, step=0.01),
        turn=slider("orientation", 0, 180, 20, step=5),
        x=slider("x", -0.4, 0.4, 0.1, step=0.05),
        y=slider("y", -0.4, 0.4, 0.0, step=0.05),
    )
