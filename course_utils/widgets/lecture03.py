"""Widgets of lecture 03, autoencoders."""

import math
from collections.abc import Callable, Sequence

import torch

from course_utils import autoencoders, plotting
from course_utils.plotting import Array
from course_utils.simulators import sprites

from .base import Live, live, pixels, slider, stops


def bottleneck(
    images: torch.Tensor | None = None,
    reconstructions: dict[str, torch.Tensor] | None = None,
    sizes: Sequence[int] = (1, 2, 3, 5, 8, 16),
) -> Live:
    """Images over their reconstructions from K numbers, K under a slider.

    images: (B, h, w). reconstructions: for each method, by name, (R, B, h, w), one for each of the
    R sizes K. Without them, sprites and their PCA.
    Raises: ValueError if the shapes do not fit together.
    """
    if images is None or reconstructions is None:
        images, reconstructions = _pca_of_sprites(sizes)
    wanted = (len(sizes), *images.shape)
    for name, pictures in reconstructions.items():
        if pictures.shape != wanted:
            raise ValueError(
                f"bottleneck needs reconstructions of shape {wanted}, one for each size K and "
                f"image; {name} has {tuple(pictures.shape)}."
            )
    rows = " and ".join(f"by {name}" for name in reconstructions)

    def update(k: float) -> tuple[Array, str]:
        at = [int(size) for size in sizes].index(round(k))
        pictures = {name: stack[at].detach() for name, stack in reconstructions.items()}
        errors = [
            f"{float((images - picture).square().sum() / len(images)):.2g} with {name}"
            for name, picture in pictures.items()
        ]
        rows_of_images = torch.cat([images, *pictures.values()])
        return plotting.tile(rows_of_images, columns=len(images), fill=0.25), (
            f"Images (top) and their reconstructions {rows} (below) from K = {round(k)}: "
            f"squared error per image {', '.join(errors)}."
        )

    return pixels(update, k=stops("numbers K", [float(k) for k in sizes], float(sizes[0])))


def _pca_of_sprites(sizes: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Eight hearts (8, 14, 14), and what PCA makes of them at each size, (R, 8, 14, 14)."""
    generator = torch.Generator().manual_seed(7)
    factors = sprites.draw_factors(1000, vary=("x", "y", "scale"), generator=generator)
    x = sprites.render(factors, 14, 1.0).flatten(1)
    some = x[:8]
    rows = []
    for k in sizes:
        mean, components = autoencoders.pca(x, k)
        z = autoencoders.project(some, mean, components)
        rows.append(autoencoders.reconstruct(z, mean, components))
    shape = (len(sizes), 8, 14, 14)
    return some.reshape(8, 14, 14), {"PCA": torch.stack(rows).reshape(shape)}  # (R, 8, 196)


def latent_walk(
    codes: torch.Tensor | None = None,
    images: torch.Tensor | None = None,
    decode: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> Live:
    """A walk through a latent plane: the code z under two sliders, and the picture it decodes to.

    codes: of images, (N, 2). images: to compare with, (N, h, w). decode: (1, 2) -> (1, h w).
    Without them, ellipses whose size and orientation are the polar coordinates of z.
    """
    if codes is None or images is None or decode is None:
        codes, images, decode = _ring_of_ellipses()
    real = images.flatten(1)
    low, high = (torch.floor(codes.amin(0)).tolist(), torch.ceil(codes.amax(0)).tolist())
    start = [round(float(middle) * 20) / 20 for middle in codes.mean(0)]

    def picture(z: list[float]) -> torch.Tensor:
        with torch.no_grad():
            return decode(torch.tensor([z]))

    fig, (left, right) = plotting.figure(1, 2, width=7.6, height=3.8)
    plotting.latent_draws(left, codes)
    left.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    (mark,) = left.plot(*start, "o", markersize=11, color=plotting.ROLE["model"], mec="white")
    right.set_title("decoded")
    shown = plotting.images(right, picture(start).reshape(1, *images.shape[1:]))  # (1, h w)

    def update(z1: float, z2: float) -> str:
        decoded = picture([z1, z2])
        mark.set_data([z1], [z2])
        shown.set_data(decoded.reshape(images.shape[1:]).numpy())  # (1, h w) -> (h, w)
        to_code = float(torch.cdist(torch.tensor([[z1, z2]]), codes).min())
        to_image = float((real - decoded).square().sum(1).min().sqrt())
        return (
            f"z = ({z1:.2f}, {z2:.2f}), at a distance of {to_code:.1f} from the nearest code of an "
            f"image: what it decodes to is {to_image:.1f} from the nearest image."
        )

    return live(
        fig,
        update,
        moving=[mark, shown],
        z1=slider("z1", low[0], high[0], start[0], step=0.05),
        z2=slider("z2", low[1], high[1], start[1], step=0.05),
    )


def _ring_of_ellipses() -> tuple[torch.Tensor, torch.Tensor, Callable]:
    """Codes (N, 2) on a ring, their images (N, 14, 14), and the decoder that made them."""

    def decode(z: torch.Tensor) -> torch.Tensor:
        radius, angle = z.norm(dim=1), torch.atan2(z[:, 1], z[:, 0])
        # Half the angle: an ellipse looks the same after half a turn.
        scale = 0.15 + 0.2 * radius
        return sprites.image("ellipse", scale, angle / 2, 0.0, 0.0, 14, 1.0).flatten(1)

    u = torch.rand(2, 800, generator=torch.Generator().manual_seed(8))
    radius, angle = 1 + u[0], 2 * math.pi * u[1]
    codes = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    return codes, decode(codes).reshape(-1, 14, 14), decode
