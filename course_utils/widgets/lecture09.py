"""Widgets of lecture 09, the landscape."""

import math

import torch
from torch import Tensor

from course_utils import landscape, plotting

from .base import Live, live, slider, stops

TRAINED = 500  # steps of the GAN in `forging`, seen at every twentieth
SEEN = 20


def stretching() -> Live:
    """A change of variables under two sliders: z is stretched into x, with and without Jacobian."""
    z = torch.linspace(-4, 4, 801)
    base = (-0.5 * z.square()).exp() / math.sqrt(2 * math.pi)
    role = plotting.ROLE
    fig, (left, right) = plotting.figure(1, 2, width=8.6, height=3.5)
    (curve,) = left.plot(z, z, color=role["truth"])
    left.set(xlabel="z", ylabel="x(z)", xlim=(-4, 4), ylim=(-4, 4))
    (wrong,) = right.plot(z, base, "--", color=role["neutral"], label="p(z) at z(x)")
    (right_one,) = right.plot(z, base, color=role["model"], label="p(z) |dz/dx|")
    right.set(xlabel="x", ylabel="density", xlim=(-4, 4), ylim=(0, 1.2))
    right.legend(loc="upper left")

    def update(bend: float, stretch: float) -> str:
        # Rising for any bend below 1, since the slope is positive; x is its integral.
        slope = stretch * (1 - bend * (-2 * z.square()).exp())
        x = stretch * (z - bend * math.sqrt(math.pi / 8) * torch.erf(math.sqrt(2) * z))
        curve.set_data(z.numpy(), x.numpy())
        wrong.set_data(x.numpy(), base.numpy())
        right_one.set_data(x.numpy(), (base / slope).numpy())
        area = float(torch.trapezoid(base, x))
        return (
            f"The area under p(z) |dz/dx| is 1; without the Jacobian it is {area:.2f}, and that is "
            "no density."
        )

    return live(
        fig,
        update,
        moving=[curve, wrong, right_one],
        bend=slider("bend", -4.0, 0.9, -2.0, step=0.1),
        stretch=slider("stretch", 0.4, 1.2, 0.6, step=0.1),
    )


def forging(
    x: Tensor | None = None,
    *,
    losses: landscape.gan.Losses = landscape.gan_losses,
    n: int = 500,
    seed: int = 9,
) -> Live:
    """A GAN while it is trained: its draws, over what the critic thinks of every place.

    `x`: data in the plane, standardised; two lumps by default. `losses`: as `gan_losses`.
    """
    generator = torch.Generator().manual_seed(seed)
    if x is None:
        x = 0.4 * torch.randn(4000, 2, generator=generator)
        x = x + torch.where(torch.rand(4000, 1, generator=generator) < 0.7, 1.0, -1.2)
    axis = torch.linspace(-3, 3, 61)
    cells = torch.cartesian_prod(axis, axis)
    z = torch.randn(n, 2, generator=generator)
    seen: list[tuple[Tensor, Tensor]] = []

    @torch.no_grad()
    def watch(step: int, gan: landscape.Gan) -> None:
        if step % SEEN == 0:
            verdict = gan.discriminator(cells)[:, 0].sigmoid().reshape(61, 61)
            seen.append((gan.generator(z), verdict))

    gan = landscape.Gan(2, generator=generator)
    history = landscape.fit_gan(
        gan, x, steps=TRAINED + 1, losses=losses, watch=watch, generator=generator
    )
    fig, ax = plotting.figure(width=5.2, height=4.6)
    image = ax.imshow(
        seen[0][1].T.numpy(),
        origin="lower",
        extent=(-3.05, 3.05, -3.05, 3.05),
        cmap="RdBu",
        alpha=0.6,
        vmin=0.3,
        vmax=0.7,
    )
    known = ax.scatter(*x[:n].T.numpy(), s=6, linewidths=0, color=plotting.ROLE["data"])
    dots = ax.scatter(*seen[0][0].T.numpy(), s=8, linewidths=0, color=plotting.ROLE["model"])
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xlabel="first coordinate", ylabel="second coordinate")

    def update(step: float) -> str:
        k = round(step / SEEN)
        forged, verdict = seen[k]
        image.set_data(verdict.T.numpy())
        dots.set_offsets(forged.numpy())
        return (
            f"Data blue, forgeries orange. After {k * SEEN} steps the critic pays "
            f"{float(history.discriminator[k * SEEN]):.2f} nats; one that guesses pays 1.39."
        )

    times = [float(t) for t in range(0, TRAINED + 1, SEEN)]
    return live(fig, update, moving=[image, known, dots], step=stops("steps trained", times, 60.0))
