"""Collider physics: an angular distribution with an exact density, and jets from a toy shower.

The angle between the incoming electron and the outgoing muon in e+e- -> mu+mu- can be drawn and
its density evaluated, both exactly. A jet can only be drawn: it is a list of particles whose
length changes from jet to jet, and nobody writes down the probability of such a list.

Angles are in radians, c = cos(theta) is called ``cos_theta``, momenta are in GeV.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import checks

# ------------------------------------------------------------------ the angular distribution


def density(cos_theta: Tensor, a_fb: float | Tensor = 0.0) -> Tensor:
    """Probability density of the muon's angle in e+e- -> mu+mu-.

    p(c) = 3/8 (1 + c^2) + A_FB c on [-1, 1], for unpolarised beams and massless muons at lowest
    order (ALEPH, DELPHI, L3, OPAL, SLD 2006, Physics Reports 427, 257, arXiv:hep-ex/0509008).

    Args:
        cos_theta: c, any shape, in [-1, 1].
        a_fb: forward-backward asymmetry, at most 3/4 in size; broadcasts against cos_theta.

    Returns:
        p(c), the broadcast shape, in the dtype of cos_theta; gradients reach both arguments.

    Raises:
        ValueError: if cos_theta leaves [-1, 1] or a_fb leaves [-3/4, 3/4].

    >>> density(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([0.7500, 0.3750, 0.7500])
    """
    _require_within(cos_theta, -1.0, 1.0, "cos_theta")
    skew = 4 / 3 * _asymmetry(a_fb, cos_theta)
    # The square is completed because the sum cancels near the zero that p(c) has at
    # |A_FB| = 3/4, where it would round to 0 and its logarithm to -inf.
    return 3 / 8 * ((cos_theta + skew) ** 2 + (1 - skew) * (1 + skew))


def log_density(cos_theta: Tensor, a_fb: float | Tensor = 0.0) -> Tensor:
    """Logarithm of `density`: log p(c) in nats, -inf where p(c) = 0.

    Arguments, shapes and errors are those of `density`.
    """
    return density(cos_theta, a_fb).log()


def cdf(cos_theta: Tensor, a_fb: float | Tensor = 0.0) -> Tensor:
    """Probability of an angle with a smaller cosine.

    F(c) = 1/2 + (3 c + c^3) / 8 + A_FB (c^2 - 1) / 2, evaluated in powers of s = 1 + c,
    F = s [(3/4 - A_FB) (1 - s/2) + s^2/8], which keeps its digits near c = -1.

    Arguments, shapes and errors are those of `density`; the result lies in [0, 1].
    """
    _require_within(cos_theta, -1.0, 1.0, "cos_theta")
    a = _asymmetry(a_fb, cos_theta)
    s = 1 + cos_theta
    return (s * ((0.75 - a) * (1 - s / 2) + s**2 / 8)).clamp(0.0, 1.0)


def inverse_cdf(u: Tensor, a_fb: float | Tensor = 0.0) -> Tensor:
    """The cosine below which a fraction u of the angles lies: F(inverse_cdf(u)) = u.

    With k = 4/3 A_FB and y = c + k, F(c) = u is a cubic without a square term,

        y^3 + 3 (1 - k^2) y = 2 r,    r = 4 u - (1 - k)^2 (2 + k),

    whose only real root is Cardano's, y = w - (1 - k^2) / w with
    w^3 = r + sqrt(r^2 + (1 - k^2)^3). For A_FB = 0 this is c = w - 1/w.

    Args:
        u: probabilities, any shape, in [0, 1].
        a_fb: forward-backward asymmetry, at most 3/4 in size; broadcasts against u.

    Returns:
        c in [-1, 1], increasing in u, in the dtype of u: right to 1e-6 in float32 and to 1e-12 in
        float64, also where the density vanishes; gradients reach both arguments.

    Raises:
        ValueError: if u leaves [0, 1] or a_fb leaves [-3/4, 3/4].

    >>> inverse_cdf(torch.tensor([0.0, 0.5, 1.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    _require_within(u, 0.0, 1.0, "u")
    a = _asymmetry(a_fb, u)
    # Start from the nearer end: c(u; A) = -c(1 - u; -A), and 1 - u is exact for u > 1/2.
    upper = u > 0.5
    u = torch.where(upper, 1 - u, u)
    d = (3 - 4 * torch.where(upper, -a, a)) / 3  # 1 - k, without loss of digits at A_FB = 3/4
    p = d * (2 - d)  # 1 - k^2
    r = 4 * u - d**2 * (3 - d)
    # For r < 0 the root of the mirrored cubic is taken, so that nothing cancels under w^3.
    sign = torch.where(r < 0, -1.0, 1.0).to(u.dtype)
    w = (sign * r + (r**2 + p**3).sqrt()).clamp_min(torch.finfo(u.dtype).tiny) ** (1 / 3)
    s = (sign * (w - p / w) + d).clamp(0.0, 2.0)  # distance of c from the nearer end
    return torch.where(upper, 1 - s, s - 1)


def sample_cos_theta(
    n: int,
    a_fb: float | Tensor = 0.0,
    *,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Draw n angles by pushing uniform numbers through the inverse cumulative distribution.

    c = F^-1(u), u ~ U(0, 1).

    Args:
        n: how many events.
        a_fb: forward-backward asymmetry, a scalar or (n,), at most 3/4 in size.
        generator: source of the random numbers.
        dtype: of the result.

    Returns:
        cos(theta), (n,).

    Raises:
        ValueError: if n is negative or a_fb leaves [-3/4, 3/4].
    """
    _require_count(n)
    u = torch.rand(n, generator=generator, dtype=dtype, device=generator.device)
    # torch.rand can return 0, where the density may vanish: use half of its spacing instead.
    return inverse_cdf(u.clamp_min_(torch.finfo(dtype).eps / 4), a_fb)


# ---------------------------------------------------------------------- the Lund plane


SMALL_ANGLE = 1.5  # radians, below pi / 2: an emission goes forward


@dataclass(frozen=True)
class ShowerSettings:
    """What the toy shower needs to know.

    A parton radiates primary emissions with angle theta and momentum fraction z inside the stated
    cuts; the coupling does not run. The two-prong jet is the decay of a heavy particle.
    """

    alpha: float = 0.3  # strong coupling, fixed
    colour_factor: float = 4 / 3  # C_R: 4/3 for a quark, 3 for a gluon
    theta_min: float = 0.02  # collinear cut, radians
    theta_max: float = 0.8  # jet radius
    z_min: float = 0.002  # soft cut, fraction of the parton's pT
    z_max: float = 0.5
    jet_pt: float = 300.0  # GeV, shared by the one or two hard partons
    resonance_mass: float = 80.4  # GeV, of the particle behind a two-prong jet
    min_share: float = 0.3  # smallest share of the pT that a prong takes
    max_eta: float = 2.0  # jet axes are uniform in |eta| < max_eta

    def __post_init__(self) -> None:
        if not (self.alpha > 0 and self.colour_factor > 0):
            raise ValueError("alpha and colour_factor must be positive.")
        if not 0 < self.theta_min < self.theta_max:
            raise ValueError("The angles must satisfy 0 < theta_min < theta_max.")
        if not 0 < self.z_min < self.z_max <= 1:
            raise ValueError("The momentum fractions must satisfy 0 < z_min < z_max <= 1.")
        if not (self.jet_pt > 0 and self.resonance_mass > 0):
            raise ValueError("jet_pt and resonance_mass must be positive, in GeV.")
        if not 0 < self.min_share <= 0.5:
            raise ValueError("min_share must lie in (0, 1/2].")
        if self.theta_max > SMALL_ANGLE:
            raise ValueError(
                f"The shower is that of small angles: theta_max is {self.theta_max:g}, and beyond "
                f"{SMALL_ANGLE:g} radians its densities mean nothing."
            )
        if not (self.alpha < math.inf and self.jet_pt < math.inf):
            raise ValueError("alpha and jet_pt must be finite.")
        if not self.max_eta >= 0:
            raise ValueError("max_eta must not be negative.")


def lund_density(settings: ShowerSettings) -> float:
    """Mean number of primary emissions per unit area of the Lund plane.

    2 alpha C_R / pi per unit of ln(1/theta) ln(1/z), in the soft and collinear limit
    (Dreyer, Salam and Soyez 2018, arXiv:1807.04758, at fixed coupling).
    """
    return 2 * settings.alpha * settings.colour_factor / math.pi


def lund_area(settings: ShowerSettings) -> float:
    """Area of the allowed rectangle, ln(theta_max / theta_min) ln(z_max / z_min)."""
    return math.log(settings.theta_max / settings.theta_min) * math.log(
        settings.z_max / settings.z_min
    )


def mean_emissions(settings: ShowerSettings) -> float:
    """Mean of the Poisson number of primary emissions: `lund_density` times `lund_area`."""
    return lund_density(settings) * lund_area(settings)


@dataclass(frozen=True)
class Emissions:
    """Primary emissions of B partons, padded to the longest list of length E; padding is 0."""

    theta: Tensor  # angle to the parton, (B, E), radians
    z: Tensor  # fraction of the parton's pT, (B, E)
    azimuth: Tensor  # around the parton, (B, E), in [0, 2 pi)
    mask: Tensor  # True where there is an emission, (B, E)


def emissions(
    n: int,
    settings: ShowerSettings | None = None,
    *,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Emissions:
    """Fill the Lund planes of n partons: a Poisson number of points, uniform in the plane.

    N ~ Poisson(density x area); ln(1/theta), ln(1/z) and the azimuth of each are uniform.

    Args:
        n: how many partons, B.
        settings: cuts and coupling; the default `ShowerSettings()` if None.
        generator: source of the random numbers.
        dtype: of theta, z and azimuth.

    Returns:
        Emissions with tensors (B, E).

    Raises:
        ValueError: if n is negative.
    """
    _require_count(n)
    settings = settings or ShowerSettings()
    device = generator.device
    mean = torch.full((n,), mean_emissions(settings), device=device)
    count = torch.poisson(mean, generator=generator).long()
    longest = int(count.max()) if n else 0
    mask = torch.arange(longest, device=device) < count[:, None]  # (B, E)
    u = torch.rand(3, n, longest, generator=generator, dtype=dtype, device=device)
    theta = settings.theta_max * (settings.theta_min / settings.theta_max) ** u[0]
    z = settings.z_max * (settings.z_min / settings.z_max) ** u[1]
    return Emissions(theta * mask, z * mask, 2 * math.pi * u[2] * mask, mask)


# ---------------------------------------------------------------------- jets


@dataclass(frozen=True)
class Jets:
    """B jets, each a list of massless particles (pT, eta, phi), padded to length P with zeros."""

    particles: Tensor  # (B, P, 3): pT in GeV, pseudorapidity, azimuth in [-pi, pi)
    mask: Tensor  # True where there is a particle, (B, P)
    prongs: Tensor | None = None  # 1 or 2, (B,), where it is known

    def __len__(self) -> int:
        return self.particles.shape[0]


def shower(
    n: int,
    settings: ShowerSettings | None = None,
    *,
    prongs: int | Tensor = 1,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Jets:
    """Draw n jets from the toy shower.

    A one-prong jet is one hard parton with its primary emissions. A two-prong jet is the decay of
    a boosted particle of mass M: shares f and 1 - f of the pT, f uniform, at the small-angle
    distance M / (pT sqrt(f (1 - f))). Each prong radiates, at angles below that distance only
    (angular ordering). An emission is a particle with pT z times its parton's, at distance theta
    in the (eta, phi) plane. There is no recoil: the parton keeps direction and momentum.

    Args:
        n: how many jets, B.
        settings: the physics; the default `ShowerSettings()` if None.
        prongs: 1, 2, or one label for each jet, (B,) of integers.
        generator: source of the random numbers.
        dtype: of the particles.

    Returns:
        Jets with particles (B, P, 3), sorted by falling pT.

    Raises:
        ValueError: if n is negative, or prongs is neither 1 nor 2.
    """
    _require_count(n)
    settings = settings or ShowerSettings()
    device = generator.device
    labels = torch.as_tensor(prongs, device=device)
    if labels.ndim > 1 or (labels.ndim == 1 and len(labels) != n):
        raise ValueError(f"prongs must be one number or {n} of them, got {tuple(labels.shape)}.")
    if labels.dtype == torch.bool or not bool(((labels == 1) | (labels == 2)).all()):
        raise ValueError("prongs must be 1 or 2.")
    labels = labels.long().expand(n).clone()

    def uniform(low: float, high: float) -> Tensor:
        u = torch.rand(n, generator=generator, dtype=dtype, device=device)
        return low + (high - low) * u

    eta, phi = uniform(-settings.max_eta, settings.max_eta), uniform(-math.pi, math.pi)
    share = uniform(settings.min_share, 1 - settings.min_share)
    tilt = uniform(0.0, 2 * math.pi)
    two = labels == 2
    distance = settings.resonance_mass / (settings.jet_pt * (share * (1 - share)).sqrt())

    # The hard partons: a one-prong jet is a two-prong jet that gives all its pT to the first.
    share = torch.where(two, share, 1.0)
    shares = torch.stack([share, 1 - share], dim=1)  # (B, 2)
    # Momentum balance: each prong's distance from the axis is the other one's share.
    offsets = torch.stack([1 - share, -share], dim=1) * (distance * two)[:, None]  # (B, 2)
    parton_pt = settings.jet_pt * shares
    parton_eta = eta[:, None] + offsets * tilt.cos()[:, None]
    parton_phi = phi[:, None] + offsets * tilt.sin()[:, None]

    radiation = emissions(2 * n, settings, generator=generator, dtype=dtype)
    theta = radiation.theta.unflatten(0, (n, 2))  # (2B, E) -> (B, 2, E)
    z = radiation.z.unflatten(0, (n, 2))  # (2B, E) -> (B, 2, E)
    azimuth = radiation.azimuth.unflatten(0, (n, 2))  # (2B, E) -> (B, 2, E)
    # Leaving out the wide angles of a Poisson number of points leaves a Poisson number.
    reach = torch.where(two, distance.clamp_max(settings.theta_max), settings.theta_max)
    z = z * (theta <= reach[:, None, None])
    soft_pt = z * parton_pt[:, :, None]
    soft_eta = parton_eta[:, :, None] + theta * azimuth.cos()
    soft_phi = parton_phi[:, :, None] + theta * azimuth.sin()

    pt = torch.cat([parton_pt, soft_pt.flatten(1)], dim=1)  # (B, 2) and (B, 2E) -> (B, 2 + 2E)
    all_eta = torch.cat([parton_eta, soft_eta.flatten(1)], dim=1)
    all_phi = _wrap(torch.cat([parton_phi, soft_phi.flatten(1)], dim=1))
    particles = torch.stack([pt, all_eta, all_phi], dim=2) * (pt > 0)[:, :, None]
    order = pt.argsort(dim=1, descending=True)
    longest = int((pt > 0).sum(dim=1).max()) if n else 0
    order = order[:, :longest, None].expand(-1, -1, 3)  # (B, P) -> (B, P, 3)
    particles = particles.gather(1, order)
    return Jets(particles, particles[:, :, 0] > 0, labels)


def multiplicity(jets: Jets) -> Tensor:
    """Number of particles in each jet, (B,) of integers."""
    return jets.mask.sum(dim=1)


def jet_axis(jets: Jets) -> Tensor:
    """Direction of the jet's total momentum: rapidity and azimuth.

    y = 1/2 ln [(E + p_z) / (E - p_z)] = 1/2 ln [sum_i pT_i e^eta_i / sum_i pT_i e^-eta_i] and
    tan phi = p_y / p_x, for massless particles.

    Returns:
        (B, 2), the azimuth in [-pi, pi); an empty jet points to (0, 0).
    """
    pt, eta, phi = _unpack(jets)
    tiny = torch.finfo(pt.dtype).tiny
    forward = (pt * eta.exp()).sum(dim=1).clamp_min(tiny)
    backward = (pt * (-eta).exp()).sum(dim=1).clamp_min(tiny)
    rapidity = (forward / backward).log() / 2
    azimuth = torch.atan2((pt * phi.sin()).sum(dim=1), (pt * phi.cos()).sum(dim=1))
    return torch.stack([rapidity, _wrap(azimuth)], dim=1)


def jet_mass(jets: Jets) -> Tensor:
    """Invariant mass of each jet of massless particles.

    m^2 = (sum_i E_i)^2 - |sum_i p_i|^2; two particles give
    m^2 = 2 pT_1 pT_2 (cosh(eta_1 - eta_2) - cos(phi_1 - phi_2)).
    It is computed as (E - pT) (E + pT) in the frame where the jet has no p_z, and the first
    factor without a difference of large numbers, so that light jets keep their digits.

    Returns:
        m in GeV, (B,).
    """
    pt, delta_eta, delta_phi = _around_axis(jets)
    difference = 2 * (delta_eta / 2).sinh() ** 2 + 2 * (delta_phi / 2).sin() ** 2  # cosh - cos
    minus = (pt * difference).sum(dim=1)
    plus = (pt * (delta_eta.cosh() + delta_phi.cos())).sum(dim=1)
    return (minus * plus).sqrt()


def jet_width(jets: Jets) -> Tensor:
    """Mean distance of the particles from the jet axis, weighted by pT (also called girth).

    sum_i pT_i Delta R_i / sum_i pT_i with Delta R^2 = Delta y^2 + Delta phi^2
    (Gallicchio and Schwartz 2011, arXiv:1106.3076).

    Returns:
        Radians, (B,); 0 for an empty jet.
    """
    pt, delta_eta, delta_phi = _around_axis(jets)
    distance = torch.hypot(delta_eta, delta_phi)
    total = pt.sum(dim=1).clamp_min(torch.finfo(pt.dtype).tiny)
    return (pt * distance).sum(dim=1) / total


def jet_images(jets: Jets, size: int = 14, half_width: float = 0.8) -> Tensor:
    """Picture of each jet: the fraction of its pT that falls into each calorimeter cell.

    The window is centred on the jet axis and reaches half_width to each side. Columns follow
    Delta eta to the right, rows follow Delta phi upwards (row 0 is the top). Particles outside
    the window are left out before normalising (de Oliveira et al. 2016, arXiv:1511.05190).

    Args:
        jets: B jets.
        size: cells along each side.
        half_width: half the side of the window, radians.

    Returns:
        (B, size, size), not negative, each image summing to 1 (to 0 where the window is empty).

    Raises:
        ValueError: if size or half_width is not positive.
    """
    _require_window(size, half_width)
    pt, delta_eta, delta_phi = _around_axis(jets)
    # A lone particle is its jet's axis, and on an even grid four cells meet there: rounding would
    # choose one of them. The grid is shifted by a ten-thousandth of a cell, far above rounding.
    column = ((delta_eta / half_width + 1) * size / 2 + 1e-4).floor().long()
    row = ((1 - delta_phi / half_width) * size / 2 + 1e-4).floor().long()
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    cell = (row * size + column).where(inside, 0)
    images = pt.new_zeros(len(jets), size * size).scatter_add_(1, cell, pt * inside)
    total = images.sum(dim=1, keepdim=True).clamp_min(torch.finfo(pt.dtype).tiny)
    return (images / total).reshape(-1, size, size)  # (B, size * size) -> (B, size, size)


def jets_from_images(images: Tensor, half_width: float = 0.8, jet_pt: float = 300.0) -> Jets:
    """Read each cell of a jet image as one massless particle at the centre of the cell.

    It gives the jet mass and width of an image, and of a model's images. Cells have a size, so
    a one-cell image has mass 0 and others are uncertain by about a cell.

    Args:
        images: (B, size, size), not negative; the layout of `jet_images`.
        half_width: half the side of the window, radians.
        jet_pt: pT of an image with sum 1, GeV.

    Returns:
        Jets with one particle for each cell, P = size * size, the empty ones masked.

    Raises:
        ValueError: if images is not (B, size, size) or has a negative cell.
    """
    if images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise ValueError(f"images must have shape (B, size, size), got {tuple(images.shape)}.")
    size = images.shape[1]
    _require_window(size, half_width)
    checks.positive(jet_pt=jet_pt)
    if not bool((images >= 0).all()):
        raise ValueError("images must not be negative: use images.clamp_min(0) first.")
    centre = (2 * torch.arange(size, dtype=images.dtype, device=images.device) + 1) / size - 1
    phi, eta = torch.meshgrid(-half_width * centre, half_width * centre, indexing="ij")
    pt = jet_pt * images.flatten(1)  # (B, size, size) -> (B, size * size)
    where = [eta.flatten().expand_as(pt), phi.flatten().expand_as(pt)]
    mask = pt > 0
    return Jets(torch.stack([pt, *where], dim=2) * mask[:, :, None], mask)


# ---------------------------------------------------------------------- helpers


def _unpack(jets: Jets) -> tuple[Tensor, Tensor, Tensor]:
    """pT (0 where padded), eta and phi, each (B, P)."""
    checks.finite(particles=jets.particles)
    pt, eta, phi = (jets.particles * jets.mask[:, :, None]).unbind(dim=2)
    return pt, eta, phi


def _around_axis(jets: Jets) -> tuple[Tensor, Tensor, Tensor]:
    """pT, Delta eta and Delta phi from the jet axis, each (B, P), all 0 where padded."""
    pt, eta, phi = _unpack(jets)
    rapidity, azimuth = jet_axis(jets)[:, :, None].unbind(dim=1)
    return pt, (eta - rapidity) * jets.mask, _wrap(phi - azimuth) * jets.mask


def _wrap(phi: Tensor) -> Tensor:
    """The same angle in [-pi, pi)."""
    return torch.remainder(phi + math.pi, 2 * math.pi) - math.pi


def _asymmetry(a_fb: float | Tensor, like: Tensor) -> Tensor:
    a = torch.as_tensor(a_fb, dtype=like.dtype, device=like.device)
    if not bool((a.abs() <= 0.75).all()):
        raise ValueError("a_fb must lie in [-3/4, 3/4], or the density would become negative.")
    return a


def _require_within(x: Tensor, low: float, high: float, name: str) -> None:
    if not (isinstance(x, Tensor) and x.is_floating_point()):
        raise ValueError(f"{name} must be a tensor of floating-point numbers.")
    if not bool(((x >= low) & (x <= high)).all()):
        raise ValueError(f"{name} must lie in [{low:g}, {high:g}].")


def _require_count(n: int) -> None:
    checks.whole(least=None, n=n)
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")


def _require_window(size: int, half_width: float) -> None:
    checks.whole(least=None, size=size)
    if size < 1 or not 0 < half_width < math.inf:
        raise ValueError("size and half_width must be positive.")
