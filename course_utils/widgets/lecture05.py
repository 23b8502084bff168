"""Widgets of lecture 05, variational inference."""

import math

import torch

from course_utils import inference, plotting
from course_utils.simulators import collider

from .base import Live, choice, live, slider


def fit_by_hand(events: torch.Tensor | None = None, *, seed: int = 11) -> Live:
    """Fit a Gaussian q to the exact posterior of A_FB while the ELBO climbs to the evidence.

    events: cos theta, (N,). Without them, 2000 events with A_FB = 0.3.
    """
    if events is None:
        generator = torch.Generator().manual_seed(seed)
        events = collider.sample_cos_theta(2000, 0.3, generator=generator, dtype=torch.float64)
    log_joint = inference.asymmetry_log_joint(events)
    exact = inference.quadrature_posterior_1d(log_joint, -0.5, 0.5)
    mean, std = float(exact.mean), float(exact.std)
    # Only differences of log p(x, A) matter for the picture: taken relative to the evidence.
    a = torch.linspace(mean - 0.5, mean + 0.5, 4001, dtype=torch.float64)
    relative = log_joint(a) - exact.log_evidence
    role = plotting.ROLE
    lowest = -10.0

    fig, (left, right) = plotting.figure(1, 2, width=8.2, height=3.6, width_ratios=(2.4, 1))
    plotting.density(left, exact.points, exact.log_density.exp(), label="exact posterior")
    (curve,) = left.plot(a, torch.zeros_like(a), color=role["posterior"], label="q")
    top = 1.5 / (std * math.sqrt(2 * math.pi))
    left.set(xlabel="A_FB", ylabel="density", ylim=(0, top), xlim=(mean - 0.14, mean + 0.14))
    left.legend(loc="upper right")
    (bar,) = right.bar([0], [0.0], bottom=lowest, color=role["posterior"], width=0.5)
    right.axhline(0, color=role["truth"], linewidth=2)
    right.text(0.45, 0.15, "evidence", ha="right", va="bottom")
    right.set(xlim=(-0.5, 0.5), ylim=(lowest, 1.2), xticks=[0], ylabel="nats above the evidence")
    right.set_xticklabels(["ELBO"])

    def update(mu: float, s: float) -> str:
        log_q = inference.normal_log_prob(
            a[:, None], a.new_tensor([mu]), a.new_tensor([2 * math.log(s)])
        )
        q = log_q.exp() / log_q.exp().sum()  # weights on the even grid
        below = -float((q * (relative - log_q)).sum())
        curve.set_ydata(log_q.exp())
        bar.set_height(max(-below - lowest, 0))
        return (
            f"q = N({mu:.3f}, {s:.3f}²): the ELBO is {below:.2f} nats below the evidence, and that "
            "is KL(q ‖ posterior)."
        )

    middle = round(mean, 2)
    return live(
        fig,
        update,
        moving=[curve, bar],
        mu=slider("mean of q", middle - 0.1, middle + 0.1, middle - 0.06, step=0.005),
        s=slider("deviation of q", 0.005, 0.06, 0.05, step=0.0025),
    )


def two_basins(weight: float = 0.6) -> Live:
    """Two basins pulled apart, and the best Gaussians in both directions of the KL."""
    points = torch.linspace(-10, 10, 801, dtype=torch.float64)
    role = plotting.ROLE

    def target(distance: float) -> torch.Tensor:
        parts = torch.tensor([weight, 1 - weight], dtype=torch.float64).log()
        centres = torch.tensor([-distance / 2, distance / 2], dtype=torch.float64)
        log_p = inference.normal_log_prob((points[:, None] - centres)[..., None])  # (n, 2)
        return (parts + log_p).logsumexp(dim=1)

    fig, ax = plotting.figure(height=3.5)
    (truth,) = ax.plot(points, points * 0, color=role["truth"], label="posterior")
    (seeking,) = ax.plot(
        points, points * 0, color=role["posterior"], label="seeking: smallest KL(q ‖ p)"
    )
    (covering,) = ax.plot(
        points, points * 0, "--", color=role["prior"], label="covering: smallest KL(p ‖ q)"
    )
    ax.set(xlim=(-8, 8), ylim=(0, 0.62), xlabel="z", ylabel="density")
    ax.legend()

    def update(distance: float, start: str) -> str:
        log_p = target(distance)
        truth.set_ydata(log_p.exp())
        first = {"left": -1.0, "right": 1.0}[start] * max(distance / 2, 0.1)
        mu, log_var, kl = inference.fit_q_on_grid(
            log_p, points, direction="seeking", start=(first, 0.0)
        )
        # The covering one has the mean and the variance of the posterior, in closed form.
        mean = (1 - 2 * weight) * distance / 2
        variance = 1 + weight * (1 - weight) * distance**2
        for line, centre, log_width in (
            (seeking, mu, log_var),
            (covering, points.new_tensor(mean), points.new_tensor(math.log(variance))),
        ):
            log_q = inference.normal_log_prob(points[:, None], centre[None], log_width[None])
            line.set_ydata(log_q.exp())
        return (
            f"Basins {distance:.1f} apart: the seeking Gaussian is at {float(mu):.1f}, deviation "
            f"{math.exp(float(log_var) / 2):.1f}, KL(q ‖ p) = {float(kl):.2f} nats; the covering "
            f"one is at {mean:.1f}, deviation {math.sqrt(variance):.1f}."
        )

    return live(
        fig,
        update,
        moving=[truth, seeking, covering],
        distance=slider("distance", 0, 8, 2, step=0.25),
        start=choice("start", ["left", "right"], "left"),
    )
