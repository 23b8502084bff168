"""Draws docs/overview.png, the picture of the README: `python docs/make_overview.py`."""

from pathlib import Path

import torch

from course_utils import plotting
from course_utils.simulators import collider, cosmology, molecular, sprites


def main() -> None:
    generator = torch.Generator().manual_seed(6)
    fig, axes = plotting.figure(2, 3, width=10.5, height=6.2)
    (angles, jets, universe), (wells, pictures, ledger) = axes

    c = torch.linspace(-1, 1, 201)
    events = collider.sample_cos_theta(20_000, 0.3, generator=generator)
    plotting.collider_angles(angles, events, c, collider.density(c, 0.3))

    showers = collider.shower(6, prongs=torch.arange(6) % 2 + 1, generator=generator)
    plotting.jet_images(jets, collider.jet_images(showers, size=20), columns=3)

    delta = cosmology.sample_field(cosmology.lecture_power(256), 1, generator=generator)[0]
    end = cosmology.nbody(delta, steps=30)[-1]
    plotting.field(universe, cosmology.density(end.positions, 128), log=True)

    truth = molecular.mueller_brown_truth(20.0)
    plotting.boltzmann_map(wells, *truth.axes, truth.probability)
    walkers = molecular.sample_mueller_brown(400, 20.0, generator=generator)
    plotting.energy_contours(wells, *truth.axes, truth.energy)
    plotting.walkers(wells, walkers)
    wells.set(xlim=(-1.7, 1.3), ylim=(-0.6, 2.2), aspect="auto")

    soft = sprites.render(sprites.draw_factors(24, generator=generator))
    plotting.images(pictures, soft, columns=6)
    world = sprites.enumerated_sprites()
    plotting.images(ledger, world.sample(24, generator=generator).reshape(24, 14, 14), columns=6)

    titles = (
        "collider: draws and exact density",
        "jets: lists of random length",
        "universe: draws, no density",
        "molecule: density up to a factor",
        "sprites: five known causes",
        "the ledger: an exact likelihood",
    )
    for ax, title in zip(axes.flat, titles, strict=True):
        ax.set_title(title)
    Path(__file__).with_name("overview.png").write_bytes(plotting.png(fig))


if __name__ == "__main__":
    main()
