"""Widgets of lecture 06, variational autoencoders."""

import math

import torch
from torch import Tensor

from course_utils import inference, plotting, training, vae
from course_utils.simulators import sprites

from .base import Live, live, slider, stops

SHOWN = 6  # images


def one_draw(model: vae.TwoNetworks | None = None, images: Tensor | None = None) -> Live:
    """From an image to its cloud of codes, to one draw, to a picture: eps under two sliders.

    model: any with `encode` and `decode`, K = 2, for black and white images. images: square, flat,
    (N, D), N at least 6. Without them, a small VAE of 8 x 8 sprites, trained here in a second.
    Raises: ValueError if there are fewer than 6 images.
    """
    if model is None or images is None:
        model, images = _of_small_sprites()
    if len(images) < SHOWN:
        raise ValueError(f"one_draw shows {SHOWN} images, got {len(images)}.")
    images = images[:SHOWN]
    side = math.isqrt(images.shape[1])
    with torch.no_grad():
        mu, log_var = model.encode(images)
    rates, deviations = inference.gaussian_kl(mu, log_var).tolist(), (log_var / 2).exp()

    fig, (plane, left, right) = plotting.figure(
        1, 3, width=9.0, height=3.4, width_ratios=(1.3, 1, 1)
    )
    role = plotting.ROLE
    prior = plotting.ellipse_of(torch.zeros(2), torch.eye(2), color=role["prior"], linewidth=2)
    cloud = plotting.ellipse_of(mu[0], torch.eye(2), color=role["posterior"], linewidth=2)
    for ellipse in (prior, cloud):
        plane.add_patch(ellipse)
    (dot,) = plane.plot([0], [0], "o", markersize=7, color=role["posterior"])
    edge = max(2.6, float((mu.abs() + 3 * deviations).max()) + 0.2)
    plane.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
    plane.set(xlabel="$z_1$", ylabel="$z_2$")
    given = plotting.images(left, images[:1].reshape(1, side, side))
    drawn = plotting.images(right, images[:1].reshape(1, side, side))
    left.set_title("x")
    right.set_title("p(x = 1 | z)")

    def update(image: int, eps1: float, eps2: float) -> str:
        i = int(image) - 1
        z = mu[i : i + 1] + deviations[i : i + 1] * torch.tensor([[eps1, eps2]])
        with torch.no_grad():
            logits = model.decode(z)
        distortion = -float(vae.bernoulli_log_likelihood(images[i : i + 1], logits))
        plotting.move_ellipse(cloud, mu[i], torch.diag(deviations[i] ** 2))
        dot.set_data([float(z[0, 0])], [float(z[0, 1])])
        given.set_data(images[i].reshape(side, side).numpy())
        drawn.set_data(logits.sigmoid().reshape(side, side).numpy())
        return (
            f"Image {i + 1} costs a rate of {rates[i]:.1f} nats. With ε = ({eps1:.1f}, {eps2:.1f}) "
            f"its code is z = ({z[0, 0]:.2f}, {z[0, 1]:.2f}), where the distortion is "
            f"{distortion:.1f} nats."
        )

    return live(
        fig,
        update,
        moving=[cloud, dot, given, drawn],
        image=stops("image", range(1, SHOWN + 1), 1),
        eps1=slider("ε1", -3.0, 3.0, 0.0, step=0.1),
        eps2=slider("ε2", -3.0, 3.0, 0.0, step=0.1),
    )


def _of_small_sprites() -> tuple[vae.TwoNetworks, Tensor]:
    """A VAE with K = 2 and images to look at."""
    generator = torch.Generator().manual_seed(6)
    x = sprites.enumerated_sprites(8).sample(3000, generator=generator)
    model = vae.mlp_vae(64, 2, hidden=(64,), generator=generator)
    lr = training.cosine(1e-2, 400)
    training.fit(model, vae.loss(generator), x, steps=400, lr=lr, generator=generator)
    return model, x
