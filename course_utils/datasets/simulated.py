"""The simulators as data sets: every part drawn from its own stream of random numbers."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..simulators import collider, cosmology, molecular, sprites
from .parts import Parts, Sizes, Splits, draw_parts

# Fields or boxes simulated at once: as many as stay in the processor's cache.
CACHED_POINTS = 2**16


def collider_angles(
    sizes: Sizes = (10_000, 2_000, 2_000),
    a_fb: float = 0.1,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Splits:
    """Cosines of the muon's angle in e+e- -> mu+mu-, p(c) = 3/8 (1 + c^2) + A_FB c.

    The exact log-density of a sample is `collider.log_density(c, a_fb)`.

    Args:
        sizes: samples for training, validation and test.
        a_fb: forward-backward asymmetry, at most 3/4 in size.

    Returns:
        Splits of (N,), in [-1, 1].

    Raises:
        ValueError: if a size is not positive, a_fb leaves [-3/4, 3/4], or seed is negative.
    """

    def draw(n: int, generator: torch.Generator) -> Tensor:
        return collider.sample_cos_theta(n, a_fb, generator=generator, dtype=dtype)

    what = f"Cosines of the muon's angle, forward-backward asymmetry {a_fb:g}."
    return Splits(*draw_parts(draw, sizes, seed), what)


def jet_images(
    sizes: Sizes = (4_000, 1_000, 1_000),
    size: int = 14,
    settings: collider.ShowerSettings | None = None,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Splits:
    """Pictures of jets from the toy shower, one half with one prong and one half with two.

    A few jets in a thousand are the same picture: a parton that radiates nothing outside the
    central cell fills that cell alone, whichever part it was drawn for.

    Args:
        sizes: samples for training, validation and test.
        size: cells along each side.
        settings: the physics of the shower; the default if None.

    Returns:
        Splits of (N, size, size), not negative, each image summing to 1. Labels: the number of
        prongs, 1 or 2.

    Raises:
        ValueError: if a size is not positive or seed is negative.
    """

    def draw(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        prongs = torch.randint(1, 3, (n,), generator=generator)
        jets = collider.shower(n, settings, prongs=prongs, generator=generator, dtype=dtype)
        return collider.jet_images(jets, size), prongs

    images, prongs = zip(*draw_parts(draw, sizes, seed), strict=True)
    what = f"Jet images, {size} x {size} cells, the share of the jet's transverse momentum in each."
    return Splits(*images, what, labels=Parts(*prongs))


def density_fields(
    sizes: Sizes = (1_000, 250, 250),
    size: int = 16,
    std: float = 1.5,
    steps: int = 10,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Splits:
    """Overdensities delta = rho / mean(rho) - 1 of toy universes today, after gravity has acted.

    Particles start from a Gaussian field with `cosmology.lecture_power`, move by particle-mesh
    gravity from a = 0.05 to 1 on a grid twice as fine (at least 32), and are counted on
    `size` x `size` points. Ten steps give the power of these fields to about 1 %.

    Args:
        sizes: samples for training, validation and test; a thousand 16 x 16 fields take a second.
        size: points along each side.
        std: of the field, had it grown linearly all the way.
        steps: of the N-body run.

    Returns:
        Splits of (N, size, size), each with zero mean and nowhere below -1.

    Raises:
        ValueError: if a size is not positive, `size` is odd, std is so large that shells cross
            before the run starts, or seed is negative.
    """
    grid = max(2 * size, 32)
    power = cosmology.lecture_power(grid, std).to(dtype)

    def draw(n: int, generator: torch.Generator) -> Tensor:
        deltas = cosmology.sample_field(power, n, generator=generator)
        fields = []
        for delta in tqdm(
            deltas.split(_pieces(n, grid**2)), desc="universes", delay=2, leave=False
        ):
            today = cosmology.nbody(delta, steps=steps)[-1]
            fields.append(cosmology.density(today.positions, size))
        return torch.cat(fields)

    what = f"Overdensities of toy universes, {size} x {size}, box of side 2 pi."
    return Splits(*draw_parts(draw, sizes, seed), what)


def mueller_brown(
    sizes: Sizes = (4_000, 1_000, 4_000),
    kT: float = 20.0,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Splits:
    """Independent points from the Boltzmann density of the Mueller-Brown surface.

    Args:
        sizes: samples for training, validation and test.
        kT: temperature, in the units of the energy.

    Returns:
        Splits of (N, 2); truth is the `molecular.Boltzmann` density with its exact log_prob and
        entropy.

    Raises:
        ValueError: if a size is not positive, kT is not positive or so small (below about 1)
            that the grid is too coarse, or seed is negative.
    """

    def draw(n: int, generator: torch.Generator) -> Tensor:
        return molecular.sample_mueller_brown(n, kT, generator=generator, dtype=dtype)

    parts = draw_parts(draw, sizes, seed)
    what = f"Points on the Mueller-Brown surface at kT = {kT:g}."
    return Splits(*parts, what, truth=molecular.mueller_brown_truth(kT))


def soft_sprites(
    sizes: Sizes = (4_000, 1_000, 1_000),
    size: int = 14,
    vary: Sequence[str] = sprites.FACTORS,
    fixed: Mapping[str, str | float] | None = None,
    softness: float = 0.4,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Splits:
    """Soft-edged sprites with their causes; `vary` without "shape" names the true dimension.

    Args:
        sizes: samples for training, validation and test.
        size: pixels along each side.
        vary, fixed: as in `sprites.draw_factors`.
        softness: width of the edge in pixels.

    Returns:
        Splits of (N, size, size) in [0, 1]; factors are `sprites.Factors`.

    Raises:
        ValueError: if a size is not positive, seed is negative, or as `sprites.draw_factors`
            and `sprites.image`.
    """

    def draw(n: int, generator: torch.Generator) -> tuple[Tensor, sprites.Factors]:
        f = sprites.draw_factors(n, vary=vary, fixed=fixed, generator=generator, dtype=dtype)
        return sprites.render(f, size, softness), f

    parts = draw_parts(draw, sizes, seed)
    names = (vary,) if isinstance(vary, str) else tuple(vary)
    what = f"Soft sprites, {size} x {size}, varying in {', '.join(names) or 'nothing'}."
    train, validation, test = (images for images, _ in parts)
    return Splits(train, validation, test, what, factors=Parts(*(factors for _, factors in parts)))


def ledger_sprites(
    sizes: Sizes = (10_000, 2_000, 10_000),
    size: int = 14,
    flip: float = 0.02,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Splits:
    """Draws from the enumerated binary sprites, by which every density of the course is judged.

    All samples are independent, so that mean log p(x) on `test` has a standard error. An image
    may by chance be equal to a training image, as often as p_data says: about one in a hundred
    is, at the default sizes. To remove those would bias the score.

    Args:
        sizes: samples for training, validation and test.
        size: pixels along each side, even, at least 8; D = size^2.
        flip: probability that a pixel is flipped.

    Returns:
        Splits of (N, D), 0 and 1; truth is `sprites.EnumeratedSprites` with the exact log_prob.

    Raises:
        ValueError: if a size is not positive, seed is negative, or as `enumerated_sprites`.
    """
    world = sprites.enumerated_sprites(size, flip, dtype)
    parts = draw_parts(lambda n, generator: world.sample(n, generator=generator), sizes, seed)
    m = len(world.templates)
    what = f"Binary sprites, {size} x {size} flattened: {m} templates, pixels flipped at {flip:g}."
    return Splits(*parts, what, truth=world)


def _pieces(n: int, points: int) -> list[int]:
    """Cut n systems of this many points, or pairs, into pieces to be simulated at once."""
    at_once = max(1, CACHED_POINTS // points)
    return [min(at_once, n - done) for done in range(0, n, at_once)]
