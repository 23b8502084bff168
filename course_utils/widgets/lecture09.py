"""Widgets of lecture 09, the landscape."""

import math

import torch

from course_utils import plotting

from .base import Live, live, slider


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
