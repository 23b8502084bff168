"""Sprites against exact truths: areas, symmetries, gradients, and an enumerated likelihood."""

import math

import pytest
import torch
from draws import seeded
from torch import Tensor

from course_utils.simulators.sprites import (
    ENUMERATED_NAMES,
    FACTORS,
    POSITION_RANGE,
    SCALE_RANGE,
    SHAPES,
    SYMMETRY,
    EnumeratedSprites,
    draw_factors,
    enumerated_factors,
    enumerated_sprites,
    image,
    render,
)

KINDS = range(len(SHAPES))


def heart_area() -> float:
    """Area of the heart of scale 1: a square of diagonal 2 h and two half discs on its sides.

    The circle around the heart touches the lower corner and both lobes: with its centre at height
    t above the square's middle, t + 1 = hypot(1/2, 1/2 - t) + sqrt(1/2) for h = 1. Bisection.
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        t = (low + high) / 2
        lobe = math.hypot(0.5, 0.5 - t) + math.sqrt(0.5)
        low, high = (low, t) if t + 1 > lobe else (t, high)
    h = 1 / (1 + t)
    return h**2 * (2 + math.pi / 2)


AREAS = (2.0, math.pi / 2, heart_area())


# ---------------------------------------------------------------------- soft sprites


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", (0.0, 0.4))
def test_sum_of_pixels_is_the_area(kind: int, orientation: float) -> None:
    # The soft edge is symmetric; corners of the outline cost about one pixel each.
    scale, size = torch.tensor(0.6, dtype=torch.float64), 512
    pixels = image(kind, scale, orientation, 0.05, -0.1, size).sum().item()
    area = AREAS[kind] * 0.6**2
    assert pixels * (2 / size) ** 2 == pytest.approx(area, abs=6 * (2 / size) ** 2)


@pytest.mark.parametrize("kind", KINDS)
def test_area_grows_with_the_square_of_the_scale(kind: int) -> None:
    scale = torch.tensor([0.3, 0.45, 0.6], dtype=torch.float64)
    pixels = image(kind, scale, 0.3, 0.0, 0.0, size=256).sum(dim=(1, 2))
    torch.testing.assert_close(pixels / scale**2, pixels[:1].expand(3) / 0.09, rtol=2e-3, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_sprite_fits_its_circle_and_touches_it(kind: int) -> None:
    size = 400
    scale, x, y = torch.tensor(0.5, dtype=torch.float64), 0.13, -0.21
    centre = (2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1
    radius = torch.hypot(centre - x, centre.flip(0)[:, None] - y)
    reach = radius[image(kind, scale, 0.7, x, y, size) > 0.5].max().item()
    assert 0.5 - 3 * (2 / size) < reach < 0.5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", (0.3, 0.6))
def test_edge_has_the_stated_width_in_pixels(kind: int, scale: float) -> None:
    # d = -softness logit(pixel) is a distance in pixels: its slope is 1 across the outline,
    # except at the few pixels next to a corner.
    pixels = image(kind, torch.tensor(scale, dtype=torch.float64), 0.4, 0.0, 0.0, 300, softness=0.7)
    d = -0.7 * torch.logit(pixels)
    slope = torch.hypot(d[1:-1, 2:] - d[1:-1, :-2], d[2:, 1:-1] - d[:-2, 1:-1]) / 2
    near = slope[d[1:-1, 1:-1].abs() < 1.5]
    assert near.quantile(0.1) > 0.97 and near.quantile(0.9) < 1.03


@pytest.mark.parametrize("kind", KINDS)
def test_moving_by_whole_pixels_moves_the_picture(kind: int) -> None:
    size = 28
    step = 2 / size
    scale = torch.tensor(0.4, dtype=torch.float64)
    here = image(kind, scale, 0.3, 0.02, -0.03, size)
    there = image(kind, scale, 0.3, 0.02 + 3 * step, -0.03 + 2 * step, size)
    # Right by three columns, up by two rows; row 0 is the top.
    torch.testing.assert_close(there[:-2, 3:], here[2:, :-3])


@pytest.mark.parametrize("kind", KINDS)
def test_orientation_has_exactly_the_stated_symmetry(kind: int) -> None:
    scale = torch.tensor(0.5, dtype=torch.float64)
    turns = torch.arange(1, 73, dtype=torch.float64) * (2 * math.pi / 72)  # steps of 5 degrees
    base = image(kind, scale, 0.2, 0.1, 0.05)
    change = (image(kind, scale, 0.2 + turns, 0.1, 0.05) - base).abs().amax(dim=(1, 2))
    same = change < 1e-9
    period = round(SYMMETRY[kind] / (2 * math.pi) * 72)
    assert same.nonzero().flatten().tolist() == list(range(period - 1, 72, period))
    assert change[~same].min() > 0.05


def test_orientation_turns_anticlockwise() -> None:
    scale = torch.tensor(0.5, dtype=torch.float64)
    upright = image("heart", scale, 0.0, 0.0, 0.0)
    torch.testing.assert_close(upright, upright.flip(1))  # left and right are mirror images
    assert upright[:14].sum() > upright[14:].sum()  # the lobes are at the top
    quarter = image("heart", scale, math.pi / 2, 0.0, 0.0)
    torch.testing.assert_close(quarter, torch.rot90(upright))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_in_the_continuous_factors(kind: int) -> None:
    values = [0.43, 0.37, 0.06, -0.11]
    factors = [torch.tensor([v, v + 0.02], dtype=torch.float64) for v in values]
    for f in factors:
        f.requires_grad_()

    def draw(*continuous: Tensor) -> Tensor:
        return image(kind, *continuous, size=9)

    torch.autograd.gradcheck(draw, factors)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_on_symmetric_positions(kind: int) -> None:
    # Centre and corners of the outline fall on pixel centres: distances of length zero.
    factors = [torch.tensor(v, requires_grad=True) for v in (2 / 3, 0.0, 0.0, 0.0)]
    gradients = torch.autograd.grad(image(kind, *factors, size=9).sum(), factors)
    assert all(g.isfinite() for g in gradients)


def test_images_are_between_zero_and_one_and_inside_the_frame() -> None:
    factors = draw_factors(3000, generator=seeded(1))
    for size in (14, 28):
        pixels = render(factors, size)
        assert pixels.shape == (3000, size, size) and pixels.dtype == torch.float32
        assert (pixels >= 0).all() and (pixels <= 1).all()
        border = pixels.clone()
        border[:, 1:-1, 1:-1] = 0
        assert border.max() < 0.25  # below one half: the outline itself stays inside
        assert pixels.amax(dim=(1, 2)).min() > 0.85


def test_factors_broadcast_and_one_batch_equals_single_images() -> None:
    f = draw_factors(7, generator=seeded(2), dtype=torch.float64)
    batch = render(f, 16)
    for i in range(7):
        single = image(int(f.shape[i]), f.scale[i], f.orientation[i], f.x[i], f.y[i], 16)
        torch.testing.assert_close(single, batch[i])
    grid = image("heart", 0.4, torch.zeros(3, 1), torch.linspace(-0.2, 0.2, 5), 0.0, 12)
    assert grid.shape == (3, 5, 12, 12) and grid.dtype == torch.float32
    torch.testing.assert_close(grid[0], grid[2])
    for kind, name in enumerate(SHAPES):
        torch.testing.assert_close(image(name, 0.4, 0, 0, 0), image(kind, 0.4, 0, 0, 0))


def test_wrong_factors_are_refused() -> None:
    for shape in ("star", 3, -1, torch.tensor([0, 3]), torch.tensor([0.0])):
        with pytest.raises(ValueError, match="shape must"):
            image(shape, 0.4, 0.0, 0.0, 0.0)
    for scale in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="scale must be positive"):
            image(0, scale, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="size must be at least"):
        image(0, 0.4, 0.0, 0.0, 0.0, size=3)
    with pytest.raises(ValueError, match="softness must be positive"):
        image(0, 0.4, 0.0, 0.0, 0.0, softness=0.0)
    with pytest.raises(ValueError, match="do not fit together"):
        image(0, torch.full((3,), 0.4), torch.zeros(4), 0.0, 0.0)


# ---------------------------------------------------------------------- factors


def test_factors_are_uniform_and_independent() -> None:
    n = 20_000
    table = draw_factors(n, generator=seeded(3), dtype=torch.float64).table()
    assert table.shape == (n, len(FACTORS))
    shape = table[:, 0].long()
    unit = [(table[:, 0] + 0.5) / 3]
    for column, (low, high) in ((1, SCALE_RANGE), (3, POSITION_RANGE), (4, POSITION_RANGE)):
        assert low <= table[:, column].min() and table[:, column].max() <= high
        unit.append((table[:, column] - low) / (high - low))
    symmetry = torch.tensor(SYMMETRY, dtype=torch.float64)[shape]
    unit.append(table[:, 2] / symmetry)
    assert all((u >= 0).all() and (u < 1).all() for u in unit)
    # Means within 4.5 standard errors, correlations within 4.5 / sqrt(n):
    # 15 comparisons, false alarms with 15 * 6.8e-6 = 1e-4.
    for u in unit:
        assert abs(u.mean() - 0.5) < 4.5 * u.std() / math.sqrt(n)
    correlations = torch.corrcoef(torch.stack(unit)) - torch.eye(5, dtype=torch.float64)
    assert correlations.abs().max() < 4.5 / math.sqrt(n)


@pytest.mark.parametrize(
    "vary", ((), ("x",), ("x", "y"), ("scale", "x", "y"), ("orientation",), ("shape", "y"))
)
def test_only_the_named_factors_vary(vary: tuple[str, ...]) -> None:
    factors = draw_factors(200, vary=vary, generator=seeded(4))
    moving = {name for name in FACTORS if getattr(factors, name).unique().numel() > 1}
    assert moving == set(vary)


@pytest.mark.parametrize("vary", (("x",), ("x", "y"), ("scale", "x", "y"), FACTORS[1:]))
def test_images_have_as_many_dimensions_as_factors_vary(vary: tuple[str, ...]) -> None:
    # The rank of d image / d factors is the dimension of the manifold of images.
    step = 1e-5
    factors = draw_factors(5, vary=vary, generator=seeded(5), dtype=torch.float64)
    for kind, *row in factors.table():
        shifts = torch.zeros(len(vary), 4, dtype=torch.float64)
        for i, name in enumerate(vary):
            shifts[i, FACTORS.index(name) - 1] = step
        ahead = image(kind.long(), *(torch.stack(row) + shifts).T)
        behind = image(kind.long(), *(torch.stack(row) - shifts).T)
        jacobian = ((ahead - behind) / (2 * step)).flatten(1)  # (P, 28, 28) -> (P, 784)
        singular = torch.linalg.svdvals(jacobian)
        assert len(singular) == len(vary) and singular.min() > 0.5


def test_fixed_factors_take_the_given_values() -> None:
    fixed = {"shape": "square", "scale": 0.5}
    factors = draw_factors(300, vary=("orientation",), fixed=fixed, generator=seeded(6))
    assert (factors.shape == 0).all() and (factors.scale == 0.5).all()
    assert math.pi / 2 * 0.95 < factors.orientation.max() < math.pi / 2
    assert len(factors) == 300


def test_drawing_factors_obeys_its_generator_and_dtype() -> None:
    first = draw_factors(9, generator=seeded(7)).table()
    assert torch.equal(first, draw_factors(9, generator=seeded(7)).table())
    assert not torch.equal(first, draw_factors(9, generator=seeded(8)).table())
    assert first.dtype == torch.float32
    assert draw_factors(2, generator=seeded(), dtype=torch.float64).scale.dtype == torch.float64


def test_wrong_names_of_factors_are_refused() -> None:
    with pytest.raises(ValueError, match="No factor is called"):
        draw_factors(3, vary=("colour",), generator=seeded())
    with pytest.raises(ValueError, match="once"):
        draw_factors(3, vary=("x", "x"), generator=seeded())
    with pytest.raises(ValueError, match="once"):
        draw_factors(3, vary=("x",), fixed={"x": 0.1}, generator=seeded())
    with pytest.raises(ValueError, match="shape must be one of"):
        draw_factors(3, vary=(), fixed={"shape": "star"}, generator=seeded())
    with pytest.raises(ValueError, match="n must not be negative"):
        draw_factors(-3, generator=seeded())


# ---------------------------------------------------------------------- enumerated sprites


def toy(flip: float = 0.1) -> EnumeratedSprites:
    """Four templates of 3 x 3 pixels, two of them one pixel apart."""
    rows = ["010111010", "010111000", "111000111", "000000000"]
    templates = torch.tensor([[float(p) for p in row] for row in rows], dtype=torch.float64)
    return EnumeratedSprites(templates, flip)


def all_images(d: int) -> Tensor:
    """Every binary image of d pixels, (2^d, d)."""
    return (torch.arange(2**d)[:, None] >> torch.arange(d) & 1).double()


@pytest.mark.parametrize("flip", (1e-6, 0.1, 0.49))
def test_probabilities_of_all_images_sum_to_one(flip: float) -> None:
    log_prob = toy(flip).log_prob(all_images(9))
    assert log_prob.logsumexp(dim=0).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("size", (14, 8))
def test_log_prob_is_the_mixture_written_out(size: int) -> None:
    sprites = enumerated_sprites(size, flip=0.03, dtype=torch.float64)
    x = sprites.sample(5, generator=seeded(9))
    x = torch.cat([x, torch.zeros_like(x[:1]), torch.ones_like(x[:1])])
    pixel = torch.distributions.Bernoulli(0.03 + 0.94 * sprites.templates)
    by_template = torch.stack([pixel.log_prob(row).sum(dim=1) for row in x])
    truth = by_template.logsumexp(dim=1) - math.log(len(sprites.templates))
    torch.testing.assert_close(sprites.log_prob(x), truth, rtol=1e-13, atol=0)
    single = sprites.log_prob(x.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single, truth.float(), rtol=1e-6, atol=0)


def test_samples_follow_log_prob() -> None:
    n = 100_000
    sprites = toy(0.25)
    x = sprites.sample(n, generator=seeded(10))
    code = (x @ (2.0 ** torch.arange(9, dtype=torch.float64))).long()
    counts = torch.bincount(code, minlength=512).double()
    expected = n * sprites.log_prob(all_images(9)).exp()
    chi_square = ((counts - expected) ** 2 / expected).sum()
    # Even the rarest image is expected often enough. False alarms: 1e-4.
    assert expected.min() > 5
    freedom = torch.tensor(511 / 2, dtype=torch.float64)
    assert torch.special.gammaincc(freedom, chi_square / 2) > 1e-4


@pytest.mark.parametrize("flip", (0.02, 0.1, 0.4))
def test_entropy_agrees_with_enumeration(flip: float) -> None:
    sprites = toy(flip)
    log_prob = sprites.log_prob(all_images(9))
    truth = -(log_prob.exp() * log_prob).sum().item()
    value, error = sprites.entropy(20_000, generator=seeded(11))
    # Four standard errors, three times: false alarms 2e-4.
    assert abs(value - truth) < 4 * error
    assert 0 < error < 0.01


def test_standard_error_of_the_entropy_is_honest() -> None:
    sprites = toy(0.2)
    results = torch.tensor([sprites.entropy(200, generator=seeded(s)) for s in range(400)])
    # The spread of 400 estimates is known to 1 / sqrt(800): four of those, false alarms 6e-5.
    assert results[:, 0].std() / results[:, 1].mean() == pytest.approx(1, abs=4 / math.sqrt(800))


@pytest.mark.parametrize("size", (14, 8))
def test_entropy_is_the_mean_of_minus_log_prob(size: int) -> None:
    sprites = enumerated_sprites(size)
    value, error = sprites.entropy(2000, generator=seeded(12))
    log_prob = sprites.log_prob(sprites.sample(20_000, generator=seeded(13)))
    plain_error = log_prob.std().item() / math.sqrt(20_000)
    # Four standard errors, twice: false alarms 1.3e-4.
    assert abs(value + log_prob.mean().item()) < 4 * math.hypot(error, plain_error)
    assert error < plain_error  # with a tenth of the draws


def test_denoising_is_bayes_theorem_over_the_templates() -> None:
    world = EnumeratedSprites(torch.tensor([[1.0, 1, 0], [0.0, 0, 1]], dtype=torch.float64), 0.1)
    x = torch.tensor([[1.0, 1, 1], [0.0, 1, 0]], dtype=torch.float64)
    # One flip from the first template and two from the second, for both images.
    first = 0.9**2 * 0.1 / (0.9**2 * 0.1 + 0.9 * 0.1**2)
    expected = torch.tensor([first, first, 1 - first], dtype=torch.float64)
    assert torch.allclose(world.denoise(x), expected.expand(2, 3), rtol=1e-12)


@pytest.mark.parametrize("size", (8, 14, 20))
def test_templates_are_distinct_binary_and_reproducible(size: int) -> None:
    sprites = enumerated_sprites(size)
    t = sprites.templates
    assert t.shape[1] == size**2 and t.dtype == torch.float32
    assert 200 <= len(t) <= 400
    assert ((t == 0) | (t == 1)).all()
    assert len(t.unique(dim=0)) == len(t)
    assert torch.equal(t, enumerated_sprites(size).templates)
    assert t.sum(dim=1).min() >= 4


def test_templates_of_the_course_do_not_change() -> None:
    # The ledger compares lectures with each other: these images are part of the course.
    t = enumerated_sprites(14).templates
    areas, counts = t.sum(dim=1).unique(return_counts=True)
    small, large = 7 * 7, 5 * 5  # places of each scale
    truth = {16: small, 20: 2 * small, 26: small, 36: 3 * large, 52: large}
    assert dict(zip(areas.int().tolist(), counts.tolist(), strict=True)) == truth
    t = enumerated_sprites(8).templates
    assert (len(t), int(t.sum())) == (248, 2356)


@pytest.mark.parametrize("size", (8, 14))
def test_each_template_is_what_its_factors_say(size: int) -> None:
    kinds = [(0, 0.0), (1, 0.0), (1, math.pi / 2), (2, 0.0)]  # sprite and orientation
    templates, factors = enumerated_sprites(size).templates, enumerated_factors(size)
    for i in range(0, len(templates), 7):
        kind, scale, x, y = (factors[name][i] for name in ("shape", "scale", "x", "y"))
        shape, orientation = kinds[int(kind)]
        drawn = image(shape, scale, orientation, x, y, size).flatten() > 0.5
        assert torch.equal(drawn.float(), templates[i])
    assert len(ENUMERATED_NAMES) == len(kinds)


def test_wrong_enumerated_sprites_are_refused() -> None:
    for size in (13, 6, 0, -8):
        with pytest.raises(ValueError, match="size must be even and at least 8"):
            enumerated_sprites(size)
    for flip in (0.0, 0.5, 0.9, -0.1, math.nan):
        with pytest.raises(ValueError, match="flip must lie between 0 and 1/2"):
            enumerated_sprites(8, flip)
    with pytest.raises(ValueError, match=r"templates must be \(M, D\)"):
        EnumeratedSprites(torch.zeros(4), 0.1)
    with pytest.raises(ValueError, match="templates must be floating point"):
        EnumeratedSprites(torch.full((2, 4), 0.5), 0.1)
    sprites = toy()
    for x in (
        torch.full((2, 9), 0.5),
        torch.zeros(2, 9, dtype=torch.long),
        torch.full((1, 9), -1.0),
    ):
        with pytest.raises(ValueError, match="x must be floating point and hold only 0 and 1"):
            sprites.log_prob(x)
    for x in (torch.zeros(2, 8), torch.zeros(9), torch.zeros(2, 3, 3)):
        with pytest.raises(ValueError, match="flatten the images first"):
            sprites.log_prob(x)
    with pytest.raises(ValueError, match="n must be at least 2"):
        sprites.entropy(1, generator=seeded())
    with pytest.raises(ValueError, match="n must not be negative"):
        sprites.sample(-1, generator=seeded())


def test_sampling_sprites_obeys_its_generator_and_dtype() -> None:
    sprites = enumerated_sprites(8)
    x = sprites.sample(6, generator=seeded(14))
    assert x.shape == (6, 64) and x.dtype == torch.float32
    assert torch.equal(x, sprites.sample(6, generator=seeded(14)))
    assert toy().sample(2, generator=seeded()).dtype == torch.float64
    assert sprites.sample(0, generator=seeded()).shape == (0, 64)
