"""Widgets of lecture 04, latent variables and the evidence."""

import torch

from course_utils import inference, plotting
from course_utils.densities import Gaussian

from .base import Live, live, slider


def draws_from_prior(n: int = 500, *, seed: int = 10) -> Live:
    """Brute force under a slider: draws from the prior, their weights, and the exact posterior.

    Probabilistic PCA with K = 2 and D = 3; the slider is the noise of the decoder.
    """
    generator = torch.Generator().manual_seed(seed)
    W = torch.tensor([[1.0, 0.2], [0.3, 0.8], [0.4, -0.4]], dtype=torch.float64)
    b = torch.zeros(3, dtype=torch.float64)
    z = torch.randn(n, 2, generator=generator, dtype=torch.float64)
    x = (W @ torch.tensor([0.9, -0.7], dtype=torch.float64))[None]  # what this code makes

    def at(sigma: float) -> tuple[torch.Tensor, inference.PPCA]:
        model = inference.PPCA(W, b, sigma)
        return model.log_likelihood(x, z)[:, 0], model

    fig, ax = plotting.figure(width=4.6, height=4.4)
    log_w, model = at(1.0)
    weights = plotting.weighted_draws(ax, z, log_w)
    mean, cov = model.posterior(x)
    ellipse = plotting.ellipse_of(
        mean[0], cov, color=plotting.ROLE["posterior"], linewidth=2, label="posterior p(z | x)"
    )
    ax.add_patch(ellipse)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1))

    def update(sigma: float) -> str:
        log_w, model = at(sigma)
        weights.set_sizes(plotting.weight_areas(log_w))
        mean, cov = model.posterior(x)
        plotting.move_ellipse(ellipse, mean[0], cov)
        counted = float(inference.effective_sample_size(log_w[:, None]))
        estimate, _ = inference.log_evidence_from_prior(log_w[:, None])
        return (
            f"sigma = {sigma:.2f}: of {n} draws {counted:.1f} count. They say log p(x) = "
            f"{float(estimate):.2f}, the exact value is {float(model.log_evidence(x)):.2f}."
        )

    return live(
        fig,
        update,
        moving=[weights, ellipse],
        sigma=slider("noise sigma", 0.05, 1.5, 1.0, step=0.05),
    )


def two_processes(*, data_std: float = 1.5, sigma: float = 0.6) -> Live:
    """Align the forward and the reverse process by hand: one x, one z, three numbers to set.

    forward: x ~ N(0, data_std^2), z | x ~ N(a x, s^2). reverse: z ~ N(0, 1), x | z ~ N(w z,
    sigma^2). Both are Gaussians over (x, z), and KL(forward || reverse) is model + guess.
    """

    def numbers(*rows: object) -> torch.Tensor:
        return torch.tensor(rows, dtype=torch.float64)

    data = Gaussian(numbers(0.0), numbers([data_std**2]))
    role = plotting.ROLE

    def at(w: float, a: float, s: float) -> tuple:
        model = inference.PPCA(numbers([w]), numbers(0.0), sigma)
        guess = numbers([a]), numbers(0.0), numbers([s**2])
        forward = inference.forward_joint(data, *guess).covariance_matrix
        reverse = inference.reverse_joint(model).covariance_matrix
        return forward, reverse, inference.joint_kl(data, model, *guess)

    fig, (left, right) = plotting.figure(1, 2, width=8.4, height=4.0)
    origin = numbers(0.0, 0.0)
    start = torch.eye(2, dtype=torch.float64)
    ellipses = []
    for colour, label, style in (
        ("data", "forward: q(z|x) p_data(x)", "-"),
        ("model", "reverse: p(z) p(x|z)", "--"),
    ):
        ellipses.append(
            plotting.ellipse_of(
                origin, start, color=role[colour], linewidth=2.5, linestyle=style, label=label
            )
        )
        left.add_patch(ellipses[-1])
    left.set(xlim=(-4.5, 4.5), ylim=(-4.5, 4.5), xlabel="x", ylabel="z", aspect="equal")
    left.legend(loc="lower left", bbox_to_anchor=(0, 1))
    top = 4.0
    names = ("model\nKL(p_data ‖ p)", "guess\n⟨KL(q ‖ p(z|x))⟩", "both\nKL(fwd ‖ rev)")
    bars = right.bar(range(3), [0, 0, 0], color=[role["model"], role["posterior"], "#8A8A8A"])
    right.set_xticks(range(3), names)
    right.set(ylim=(0, top), ylabel="nats")

    def update(w: float, a: float, s: float) -> str:
        forward, reverse, kl = at(w, a, s)
        for ellipse, cov in zip(ellipses, (forward, reverse), strict=True):
            plotting.move_ellipse(ellipse, origin, cov)
        parts = [float(kl.marginal), float(kl.posterior), float(kl.joint)]
        for bar, height in zip(bars, parts, strict=True):
            bar.set_height(min(height, top))
        return (
            f"w = {w:.2f}, a = {a:.2f}, s = {s:.2f}: model {parts[0]:.3f} + guess {parts[1]:.3f} "
            f"= {parts[2]:.3f} nats between the two processes."
        )

    return live(
        fig,
        update,
        moving=[*ellipses, *bars],
        w=slider("decoder w", -2, 2, 0.7, step=0.05),
        a=slider("guess: slope a", -1, 1, -0.2, step=0.05),
        s=slider("guess: width s", 0.1, 1.5, 0.9, step=0.05),
    )
