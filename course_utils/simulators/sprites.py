"""Sprites: images with known causes, and binary ones with a known probability.

The soft sprites are drawn from five factors (shape, scale, orientation, x, y) and change smoothly
with the last four. The enumerated ones are a fixed list of binary templates with pixel noise:
their likelihood and entropy are exact, and every density of the course is measured against them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import checks

SHAPES = ("square", "ellipse", "heart")
SYMMETRY = (math.pi / 2, math.pi, 2 * math.pi)  # rotation that brings each shape back to itself
FACTORS = ("shape", "scale", "orientation", "x", "y")

SCALE_RANGE = (0.35, 0.55)
POSITION_RANGE = (-0.3, 0.3)

# ---------------------------------------------------------------------- soft sprites


def image(
    shape: str | int | Tensor,
    scale: float | Tensor,
    orientation: float | Tensor,
    x: float | Tensor,
    y: float | Tensor,
    size: int = 28,
    softness: float = 0.4,
) -> Tensor:
    """Draw sprites with soft edges.

    pixel = sigmoid(-d / softness), d the signed distance in pixels from the pixel's centre to the
    outline, negative inside. The frame is [-1, 1] x [-1, 1], x to the right and y upwards
    (row 0 is the top). A sprite stays within a circle of radius `scale` around (x, y).

    Args:
        shape: "square", "ellipse", "heart", or its index 0, 1, 2; an integer tensor for a batch.
        scale: radius of the circle around the sprite, positive.
        orientation: anticlockwise, radians.
        x: centre, to the right.
        y: centre, upwards.
        size: pixels along each side of the frame.
        softness: width of the edge in pixels.

    The five factors broadcast against each other to the batch shape.

    Returns:
        (*batch, size, size) in [0, 1], differentiable in scale, orientation, x and y; float64 if
        one of these is, else float32.

    Raises:
        ValueError: if a shape is unknown, scale or softness is not positive, or size is below 4.

    >>> image("heart", 0.5, 0.0, 0.0, 0.0).shape
    torch.Size([28, 28])
    """
    checks.whole(None, size=size)
    if size < 4:
        raise ValueError(f"size must be at least 4 pixels, got {size}.")
    if not softness > 0:
        raise ValueError(f"softness must be positive, in pixels, got {softness}.")
    kind, scale, orientation, x, y = _broadcast_factors(shape, scale, orientation, x, y)
    batch = kind.shape
    columns = _pixel_centres(size, scale)
    rows = columns.flip(0)[:, None]  # (size, 1), y upwards
    # Into the sprite's own frame: shift, turn back, and measure in units of its scale.
    across, up = columns - x[..., None, None], rows - y[..., None, None]
    cos, sin = orientation.cos()[..., None, None], orientation.sin()[..., None, None]
    radius = scale[..., None, None]
    u, v = (cos * across + sin * up) / radius, (cos * up - sin * across) / radius
    u, v = u.reshape(-1, size, size), v.reshape(-1, size, size)  # (*batch, size, size) -> (B, ...)
    distance = torch.zeros_like(u)
    for index, outline in enumerate(_OUTLINES):
        chosen = (kind.flatten() == index).nonzero().squeeze(1)  # (*batch,) -> (at most B,)
        if len(chosen):
            distance = distance.index_copy(0, chosen, outline(u[chosen], v[chosen]))
    distance = distance.reshape(*batch, size, size)  # (B, size, size) -> (*batch, size, size)
    return torch.sigmoid(-distance * radius * (size / 2 / softness))


@dataclass(frozen=True)
class Factors:
    """The causes of N soft sprites; see `image` for their meaning."""

    shape: Tensor  # (N,) of integers, an index into SHAPES
    scale: Tensor  # (N,)
    orientation: Tensor  # (N,), radians, in [0, the shape's symmetry)
    x: Tensor  # (N,)
    y: Tensor  # (N,)

    def __len__(self) -> int:
        return len(self.shape)

    def table(self) -> Tensor:
        """All factors side by side in the order of FACTORS, (N, 5), in the dtype of scale."""
        columns = [self.shape.to(self.scale.dtype), self.scale, self.orientation, self.x, self.y]
        return torch.stack(columns, dim=1)


def draw_factors(
    n: int,
    *,
    vary: Sequence[str] = FACTORS,
    fixed: Mapping[str, str | float] | None = None,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Factors:
    """Draw the factors of n sprites, those in `vary` uniformly and independently.

    scale ~ U(0.35, 0.55); x, y ~ U(-0.3, 0.3); orientation ~ U(0, symmetry of the shape), so that
    an image names its factors; shape one of three. Every sprite stays inside the frame. Without
    "shape", `vary` names the dimension of the manifold of images.

    Args:
        n: how many sprites, N.
        vary: names out of FACTORS; () gives n equal sprites.
        fixed: values of factors that do not vary, instead of a heart of scale 0.45, upright, in
            the middle.
        generator: source of the random numbers.
        dtype: of the continuous factors.

    Returns:
        Factors with tensors (N,).

    Raises:
        ValueError: if n is negative, or a name is unknown, repeated, or both varied and fixed.
    """
    checks.whole(None, n=n)
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    vary = (vary,) if isinstance(vary, str) else tuple(vary)
    fixed = dict(fixed or {})
    unknown = (set(vary) | set(fixed)) - set(FACTORS)
    if unknown:
        raise ValueError(f"No factor is called {sorted(unknown)}: choose from {FACTORS}.")
    if len(set(vary)) < len(vary) or set(vary) & set(fixed):
        raise ValueError("Name each factor once, in vary or in fixed.")

    device = generator.device
    u = torch.rand(n, len(FACTORS), generator=generator, dtype=dtype, device=device)
    constant = {"shape": "heart", "scale": 0.45, "orientation": 0.0, "x": 0.0, "y": 0.0} | fixed
    shape = torch.full((n,), _shape_index(constant["shape"]), device=device)
    if "shape" in vary:
        shape = (u[:, 0] * len(SHAPES)).long()
    symmetry = torch.tensor(SYMMETRY, dtype=dtype, device=device)[shape]
    place = POSITION_RANGE
    ranges = {"scale": SCALE_RANGE, "orientation": (0.0, symmetry), "x": place, "y": place}
    values = {}
    for index, name in enumerate(FACTORS[1:], start=1):
        low, high = ranges[name]
        drawn = low + (high - low) * u[:, index]
        values[name] = drawn if name in vary else torch.full_like(drawn, float(constant[name]))
    return Factors(shape, **values)


def render(factors: Factors, size: int = 28, softness: float = 0.4) -> Tensor:
    """Draw the sprites of `factors`: `image` for each of them, (N, size, size) in [0, 1]."""
    f = factors
    return image(f.shape, f.scale, f.orientation, f.x, f.y, size, softness)


# ---------------------------------------------------------------------- outlines
# Signed distances from (u, v) to outlines that touch the unit circle, negative inside.


def _square(u: Tensor, v: Tensor) -> Tensor:
    """Exact distance to the square whose corners lie on the unit circle."""
    return _box(u, v, half_side=math.sqrt(0.5))


def _ellipse(u: Tensor, v: Tensor) -> Tensor:
    """First-order distance (f - 1) / |grad f| to f = |(u, 2v)| = 1: exact on the outline."""
    f = _length(u, 2 * v)
    return f * (f - 1) / _length(u, 4 * v)


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """A square on its corner and two discs whose diameters are its upper sides."""
    # With corners at distance 1 from the middle of the square, the smallest circle around the
    # heart has its centre at (0, rise) and the radius 1 + rise.
    notch = 1 - math.sqrt(0.5)
    rise = (0.5 - notch**2) / (1 + 2 * notch)
    unit = 1 + rise
    u, v = unit * u.abs(), unit * v + rise
    half = math.sqrt(0.5)
    square = _box(half * (u + v), half * (v - u), half_side=half)
    disc = _length(u - 0.5, v - 0.5) - half
    return torch.minimum(square, disc) / unit


_OUTLINES: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (_square, _ellipse, _heart)


def _box(u: Tensor, v: Tensor, half_side: float) -> Tensor:
    """Exact signed distance to an upright square."""
    du, dv = u.abs() - half_side, v.abs() - half_side
    outside = _length(du.clamp_min(0.0), dv.clamp_min(0.0))
    return outside + torch.maximum(du, dv).clamp_max(0.0)


def _length(u: Tensor, v: Tensor) -> Tensor:
    """sqrt(u^2 + v^2), with a finite gradient at the origin."""
    return (u**2 + v**2 + 1e-12).sqrt()


# ---------------------------------------------------------------------- enumerated sprites

# Where the templates stand, in units of the frame: one pixel apart for 14 x 14 images.
ENUMERATED_STEP = 1 / 7
# For each scale, the number of steps that a sprite may go to each side.
ENUMERATED_SCALES = {0.49: 3, 0.7: 2}
# Shapes with the orientations that differ visibly on a coarse grid.
ENUMERATED_SHAPES = {"square": (0.0,), "ellipse": (0.0, math.pi / 2), "heart": (0.0,)}
ENUMERATED_NAMES = ("square", "lying ellipse", "standing ellipse", "heart")  # what they look like


@dataclass(frozen=True)
class EnumeratedSprites:
    """Binary images with an exact likelihood: a template drawn at random, its pixels flipped.

    p(x) = 1/M sum_m prod_d e^[x_d != t_md] (1 - e)^[x_d = t_md].

    Raises:
        ValueError: if templates is not a binary (M, D) tensor, or flip is not in (0, 1/2).
    """

    templates: Tensor  # (M, D) of 0 and 1, floating point
    flip: float  # e, the probability that a pixel is flipped, in (0, 1/2)

    def __post_init__(self) -> None:
        if self.templates.ndim != 2 or self.templates.numel() == 0:
            raise ValueError(f"templates must be (M, D), got {tuple(self.templates.shape)}.")
        _require_binary(self.templates, "templates")
        if not 0 < self.flip < 0.5:
            raise ValueError(f"flip must lie between 0 and 1/2, got {self.flip}.")

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw n images.

        Returns:
            (n, D) of 0 and 1, in the dtype of the templates.

        Raises:
            ValueError: if n is negative.
        """
        checks.whole(None, n=n)
        if n < 0:
            raise ValueError(f"n must not be negative, got {n}.")
        device = generator.device
        which = torch.randint(len(self.templates), (n,), generator=generator, device=device)
        clean = self.templates[which]  # (n, D)
        flipped = torch.rand(clean.shape, generator=generator, device=device) < self.flip
        return torch.where(flipped, 1 - clean, clean)

    def log_prob(self, x: Tensor) -> Tensor:
        """Exact log-probability of binary images.

        log p(x) = logsumexp_m [h_m log e + (D - h_m) log(1 - e)] - log M, where
        h_m = sum_d x_d + sum_d t_md - 2 sum_d x_d t_md counts the pixels in which x differs from
        template m.

        Args:
            x: (N, D) of 0 and 1, floating point.

        Returns:
            nats, (N,), in the dtype of x.

        Raises:
            ValueError: if x is not a binary (N, D) tensor with the templates' D.
        """
        return self._log_joint(x).logsumexp(dim=1)

    def denoise(self, x: Tensor) -> Tensor:
        """Probability that each pixel was black before the flips: the best anyone can infer.

        sum_m p(m | x) t_m.

        Args:
            x: (N, D) of 0 and 1, floating point.

        Returns:
            (N, D), in the dtype of the templates.

        Raises:
            ValueError: as in `log_prob`.
        """
        return self._log_joint(x).softmax(dim=1).to(self.templates) @ self.templates

    def entropy(self, n: int = 10_000, *, generator: torch.Generator) -> tuple[float, float]:
        """Entropy of the images, a Monte Carlo estimate and its standard error.

        With the template's index m as a latent variable,

        H(x) = H(m) + H(x | m) - H(m | x) = log M + D h(e) + <log p(m | x)>,

        where h(e) = -e log e - (1 - e) log(1 - e). Only the last term is averaged, over n draws
        of x and exactly over m. Averaging -log p(x) itself would count the luck in the number of
        flipped pixels and be far less precise.

        Returns:
            (entropy, standard error), nats.

        Raises:
            ValueError: if n is below 2.
        """
        if n < 2:
            raise ValueError(f"n must be at least 2 for a standard error, got {n}.")
        log_joint = self._log_joint(self.sample(n, generator=generator).double())  # (n, M)
        log_posterior = log_joint.log_softmax(dim=1)
        mean_log = (log_posterior.exp() * log_posterior).sum(dim=1)  # (n,)
        m, d = self.templates.shape
        e = self.flip
        noise = -e * math.log(e) - (1 - e) * math.log1p(-e)
        entropy = math.log(m) + d * noise + mean_log.mean().item()
        return entropy, mean_log.std().item() / math.sqrt(n)

    def _log_joint(self, x: Tensor) -> Tensor:
        """log p(x, m) for every template, (N, D) -> (N, M), nats."""
        m, d = self.templates.shape
        if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != d:
            raise ValueError(f"x must be a tensor of shape (N, {d}): flatten the images first.")
        _require_binary(x, "x")
        t = self.templates.to(x)
        differing = x.sum(dim=1, keepdim=True) + t.sum(dim=1) - 2 * x @ t.T  # (N, M)
        log_odds = math.log(self.flip) - math.log1p(-self.flip)
        return differing * log_odds + (d * math.log1p(-self.flip) - math.log(m))


def enumerated_sprites(
    size: int = 14, flip: float = 0.02, dtype: torch.dtype = torch.float32
) -> EnumeratedSprites:
    """The binary sprites of the ledger: a few hundred templates, the same on every machine.

    Squares, lying and standing ellipses and hearts in two scales, on a grid of positions inside
    the frame; a pixel is 1 where its centre lies inside the outline. Equal images are kept once.

    Args:
        size: pixels along each side, even, at least 8; D = size^2. The course uses 14 and 8.
        flip: probability e that a pixel is flipped, in (0, 1/2).
        dtype: of the templates.

    Returns:
        EnumeratedSprites with templates (M, D).

    Raises:
        ValueError: if size is odd or below 8, or flip is not in (0, 1/2).
    """
    if size < 8 or size % 2:
        raise ValueError(f"size must be even and at least 8, got {size}.")
    images, _ = _enumerated(size)
    return EnumeratedSprites(images.unique(dim=0).to(dtype), flip)


def enumerated_factors(size: int = 14) -> dict[str, Tensor]:
    """What each template of `enumerated_sprites` shows, in their order.

    Args:
        size: as there. On a coarse grid two sprites may give one image: the first is told.

    Returns:
        "shape" (M,), an index into ENUMERATED_NAMES; "scale", and "x" and "y", where it stands, to
        the right and upwards of the middle, in units of half the frame: (M,) each, float64.
    """
    images, factors = _enumerated(size)
    templates, which = images.unique(dim=0, return_inverse=True)
    first = torch.full((len(templates),), len(images)).scatter_reduce(
        0, which, torch.arange(len(images)), "amin"
    )
    return dict(zip(("shape", "scale", "x", "y"), factors[first].T, strict=True))


def _enumerated(size: int) -> tuple[Tensor, Tensor]:
    """All sprites of the list, repeats included: images (P, D) bool and factors (P, 4)."""
    images, factors, kind = [], [], 0
    for shape, orientations in ENUMERATED_SHAPES.items():
        for orientation in orientations:
            for scale, steps in ENUMERATED_SCALES.items():
                # float64, so that no pixel's centre is close enough to an outline to be in doubt
                grid = torch.arange(-steps, steps + 1, dtype=torch.float64) * ENUMERATED_STEP
                y, x = (v.flatten() for v in torch.meshgrid(grid, grid, indexing="ij"))
                soft = image(shape, scale, orientation, x, y, size)
                images.append(soft.flatten(1) > 0.5)  # (positions, size, size) -> (positions, D)
                here = torch.full_like(x, kind), torch.full_like(x, scale), x, y
                factors.append(torch.stack(here, dim=1))
            kind += 1
    return torch.cat(images), torch.cat(factors)


# ---------------------------------------------------------------------- helpers


def _shape_index(shape: str | float) -> int:
    index = SHAPES.index(shape) if shape in SHAPES else shape
    if isinstance(index, str) or index not in range(len(SHAPES)):
        raise ValueError(f"shape must be one of {SHAPES} or its index, got {shape!r}.")
    return int(index)


def _broadcast_factors(
    shape: str | int | Tensor, *continuous: float | Tensor
) -> tuple[Tensor, ...]:
    """The five factors as tensors of one batch shape: (shape, scale, orientation, x, y)."""
    tensors = [c for c in continuous if isinstance(c, Tensor)]
    dtype = torch.float64 if any(t.dtype == torch.float64 for t in tensors) else torch.float32
    device = tensors[0].device if tensors else None
    if not isinstance(shape, Tensor):
        shape = torch.tensor(_shape_index(shape))
    if shape.is_floating_point() or bool(((shape < 0) | (shape >= len(SHAPES))).any()):
        raise ValueError(f"shape must hold integers from 0 to {len(SHAPES) - 1}.")
    values = [torch.as_tensor(c, dtype=dtype, device=device) for c in continuous]
    if not bool((values[0] > 0).all()):
        raise ValueError("scale must be positive.")
    try:
        return torch.broadcast_tensors(shape.to(values[0].device), *values)
    except RuntimeError:
        shapes = [tuple(v.shape) for v in (shape, *values)]
        raise ValueError(f"The factors' shapes {shapes} do not fit together.") from None


def _pixel_centres(size: int, like: Tensor) -> Tensor:
    """Coordinates of the pixels' centres in [-1, 1], (size,)."""
    return (2 * torch.arange(size, dtype=like.dtype, device=like.device) + 1) / size - 1


def _require_binary(x: Tensor, name: str) -> None:
    if not x.is_floating_point() or not bool(((x == 0) | (x == 1)).all()):
        raise ValueError(f"{name} must be floating point and hold only 0 and 1.")
