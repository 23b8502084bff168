"""Probabilistic PCA: the one latent-variable model of this course in which all is exact.

    z ~ N(0, I),    x | z ~ N(W z + b, sigma^2 I),

Tipping and Bishop 1999. Evidence, posterior, ELBO and maximum likelihood in closed form; then the
same maximum by EM and by gradient ascent; then both sides of the bird's-eye view, the forward
process p_data(x) q(z | x) and the reverse process p(z) p_theta(x | z), two Gaussians over (x, z).

All is computed in float64, because sigma^2 may be tiny beside W W^T, and returned in the dtype of
the data. With M = W^T W + sigma^2 I, (K, K), no matrix of D x D is ever factorised.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence
from tqdm.auto import tqdm

from .. import checks
from ..densities import LOG_2PI, Fit, Gaussian, climb, fit_gaussian, standard_normal

# ---------------------------------------------------------------------- closed forms


def ppca_log_evidence(x: Tensor, W: Tensor, b: Tensor, sigma: float | Tensor) -> Tensor:
    """Evidence of each point under probabilistic PCA.

    log p(x) = log N(x; b, C),  C = W W^T + sigma^2 I. With m = M^-1 W^T (x - b), the posterior
    mean, and M = W^T W + sigma^2 I,

        (x - b)^T C^-1 (x - b) = |x - b - W m|^2 / sigma^2 + |m|^2,
        log det C              = log det M + (D - K) log sigma^2.

    Tipping and Bishop 1999, equation 3; the two identities are Woodbury's and the matrix
    determinant lemma, in a form in which nothing cancels.

    Args:
        x: points, (N, D).
        W: (D, K).
        b: (D,).
        sigma: standard deviation of the noise.

    Returns:
        nats, (N,).

    Raises:
        ValueError: if the shapes do not fit together or sigma is not positive.
    """
    (r, W64, sigma64), dtype = _float64(x, W, b, sigma), x.dtype
    d, k = W.shape
    chol, m = _posterior(r, W64, sigma64)
    square = (r - m @ W64.T).square().sum(dim=-1) / sigma64**2 + m.square().sum(dim=-1)
    log_det = 2 * chol.diagonal().log().sum() + (d - k) * 2 * sigma64.log()
    return (-0.5 * (square + log_det + d * LOG_2PI)).to(dtype)


def ppca_posterior(x: Tensor, W: Tensor, b: Tensor, sigma: float | Tensor) -> tuple[Tensor, Tensor]:
    """Posterior of the latents under probabilistic PCA.

    p(z | x) = N(M^-1 W^T (x - b), sigma^2 M^-1),    M = W^T W + sigma^2 I.

    Tipping and Bishop 1999, equation 7.

    Args:
        x: points, (N, D).
        W: (D, K).
        b: (D,).
        sigma: standard deviation of the noise.

    Returns:
        (mean (N, K), cov (K, K)); the covariance is the same for all points.

    Raises:
        ValueError: if the shapes do not fit together or sigma is not positive.
    """
    r, W64, sigma64 = _float64(x, W, b, sigma)
    chol, mean = _posterior(r, W64, sigma64)
    cov = sigma64**2 * torch.cholesky_inverse(chol)
    return mean.to(x.dtype), cov.to(x.dtype)


def ppca_em_step(x: Tensor, W: Tensor, b: Tensor, sigma: float | Tensor) -> tuple[Tensor, Tensor]:
    """One step of expectation-maximisation for probabilistic PCA, b held fixed.

    E: mean_n and cov of `ppca_posterior`.
    M: W <- [sum_n (x_n - b) mean_n^T] [sum_n (mean_n mean_n^T + cov)]^-1, and with this new W
       sigma^2 <- 1/(N D) sum_n [|x_n - b - W mean_n|^2 + tr(W cov W^T)].

    Tipping and Bishop 1999, equations 27 and 28, the second written as a sum of squares.

    Args:
        x: points, (N, D).
        W: (D, K).
        b: (D,).
        sigma: standard deviation of the noise.

    Returns:
        (new W (D, K), new sigma 0-d).

    Raises:
        ValueError: if the shapes do not fit together or sigma is not positive.
    """
    r, W64, sigma64 = _float64(x, W, b, sigma)
    chol, mean = _posterior(r, W64, sigma64)
    cov = sigma64**2 * torch.cholesky_inverse(chol)
    second_moment = mean.T @ mean + len(x) * cov  # sum_n <z z^T>
    W64 = torch.linalg.solve(second_moment, mean.T @ r).T
    residual = (r - mean @ W64.T).square().sum() + len(x) * (W64 @ cov * W64).sum()
    return W64.to(x.dtype), (residual / x.numel()).sqrt().to(x.dtype)


# ---------------------------------------------------------------------- the model


@dataclass(frozen=True)
class PPCA:
    """Probabilistic PCA: z ~ N(0, I), x | z ~ N(W z + b, sigma^2 I)."""

    W: Tensor  # (D, K)
    b: Tensor  # (D,)
    sigma: float

    def __post_init__(self) -> None:
        if self.W.ndim != 2 or self.b.shape != self.W.shape[:1] or not self.sigma > 0:
            raise ValueError(
                f"W {tuple(self.W.shape)}, b {tuple(self.b.shape)} and sigma {self.sigma} do not "
                "fit: (D, K), (D,) and a positive number are wanted."
            )

    def sample(self, n: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw n pairs from p(z) p(x | z): x (n, D) and z (n, K)."""
        d, k = self.W.shape
        z, eps = standard_normal((n, k + d), self.W, generator).split([k, d], dim=1)
        return z @ self.W.T + self.b + self.sigma * eps, z

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x | z), nats, (S, B): x (B, D) with z (S, K), or with z (S, B, K).

        |x - b - W z|^2 is multiplied out, so that z meets x in K dimensions and not in D.
        """
        r, W, sigma = _float64(x, self.W, self.b, self.sigma)
        z64, projected = z.double(), r @ W  # (B, K)
        cross = z64 @ projected.T if z.ndim == 2 else (z64 * projected).sum(dim=-1)  # (S, B)
        own = (z64 @ (W.T @ W) * z64).sum(dim=-1)  # |W z|^2, (S,) or (S, B)
        own = own[:, None] if z.ndim == 2 else own
        square = r.square().sum(dim=-1) - 2 * cross + own
        return (-0.5 * square / sigma**2 - 0.5 * len(W) * (LOG_2PI + 2 * sigma.log())).to(x.dtype)

    def log_evidence(self, x: Tensor) -> Tensor:
        """log p(x), nats: (N, D) -> (N,); see `ppca_log_evidence`."""
        return ppca_log_evidence(x, self.W, self.b, self.sigma)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(mean (N, K), cov (K, K)) of p(z | x); see `ppca_posterior`."""
        return ppca_posterior(x, self.W, self.b, self.sigma)

    def elbo(self, x: Tensor, mu: Tensor, cov: Tensor) -> Tensor:
        """The ELBO of each x for a Gaussian q(z | x) = N(mu, cov), exact.

        ELBO = log p(x | z = mu) - tr(W cov W^T) / (2 sigma^2) - KL(q || N(0, I)).

        Args:
            x: (N, D).
            mu: (N, K).
            cov: (K, K), or (N, K, K) with one covariance for each x.

        Returns:
            nats, (N,).
        """
        r, W, sigma = _float64(x, self.W, self.b, self.sigma)
        q = MultivariateNormal(mu.double(), cov.double())
        square = (r - q.mean @ W.T).square().sum(dim=-1) + _trace(W.T @ W, q.covariance_matrix)
        log_likelihood = -0.5 * (square / sigma**2 + len(W) * (LOG_2PI + 2 * sigma.log()))
        return (log_likelihood - kl_divergence(q, _standard_normal(W))).to(x.dtype)

    def kl_to_posterior(self, x: Tensor, mu: Tensor, cov: Tensor) -> Tensor:
        """KL(N(mu, cov) || p(z | x)) of each x, nats, (N,); arguments as in `elbo`."""
        mean, posterior_cov = ppca_posterior(x.double(), self.W, self.b, self.sigma)
        q = MultivariateNormal(mu.double(), cov.double())
        return kl_divergence(q, MultivariateNormal(mean, posterior_cov)).to(x.dtype)

    def marginal(self) -> Gaussian:
        """p(x) = N(b, W W^T + sigma^2 I)."""
        noise = self.sigma**2 * torch.eye(len(self.b), dtype=self.W.dtype, device=self.W.device)
        return Gaussian(self.b, self.W @ self.W.T + noise)

    @property
    def n_parameters(self) -> int:
        """D K - K (K - 1) / 2 for W, which may be rotated freely, D for b and 1 for sigma."""
        d, k = self.W.shape
        return d * k - k * (k - 1) // 2 + d + 1


# ---------------------------------------------------------------------- maximum likelihood


def fit_ppca(x: Tensor, k: int) -> PPCA:
    """Probabilistic PCA by maximum likelihood, in closed form.

    b = mean of x,  sigma^2 = mean of the D - K smallest eigenvalues of the covariance (with 1/N),
    W = U_K (Lambda_K - sigma^2 I)^(1/2), U_K its first K eigenvectors. Tipping and Bishop 1999,
    equations 14 and 15.

    Args:
        x: points, (N, D).
        k: number of latents, 1 to D - 1.

    Returns:
        PPCA in the dtype of x; the columns of W are orthogonal, largest first, signs free.

    Raises:
        ValueError: if x is not (N, D), k is not between 1 and D - 1, or K components leave no
            variance to sigma.
    """
    mean, values, vectors = _principal_axes(x, k)
    variance = values[k:].mean()
    W = vectors[:, :k] * (values[:k] - variance).sqrt()
    return PPCA(W.to(x.dtype), mean.to(x.dtype), math.sqrt(variance))


def fit_ppca_em(
    x: Tensor,
    k: int,
    *,
    steps: int = 2000,
    tolerance: float = 1e-9,
    step: Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]] | None = None,
    generator: torch.Generator,
) -> Fit[PPCA]:
    """Probabilistic PCA by expectation-maximisation, b being the mean of the data.

    Repeats `ppca_em_step`. Each step fills the gap below the evidence (q becomes the posterior)
    and then raises the ELBO, so the evidence never falls.

    Args:
        x: points, (N, D).
        k: number of latents, 1 to D - 1.
        steps: at most so many.
        tolerance: stops when a step gains less than this, nats per point.
        step: another version of `ppca_em_step`.
        generator: of the start, W = noise as large as the data, sigma likewise.

    Returns:
        Fit(model, history), history the mean log evidence after 0, 1, ... steps.

    Raises:
        ValueError: as in `fit_ppca`.
    """
    mean, values, vectors = _principal_axes(x, k)
    x64 = _points_with(mean, values, vectors)
    W, sigma = _start(values, k, generator)
    history = [ppca_log_evidence(x64, W, mean, sigma).mean()]
    with tqdm(total=steps, delay=2, leave=False, desc="EM") as bar:
        for _ in range(steps):
            W, sigma = (step or ppca_em_step)(x64, W, mean, float(sigma))
            history.append(ppca_log_evidence(x64, W, mean, sigma).mean())
            bar.update()
            if float(history[-1] - history[-2]) < tolerance:
                bar.total = bar.n  # an early end is no failure: no red bar
                break
    return Fit(PPCA(W.to(x.dtype), mean.to(x.dtype), float(sigma)), torch.stack(history))


def fit_ppca_by_gradient(
    x: Tensor,
    k: int,
    *,
    steps: int = 500,
    tolerance: float = 1e-8,
    generator: torch.Generator,
) -> Fit[PPCA]:
    """Probabilistic PCA by climbing the mean log evidence along its gradient.

    The free parameters are W, b and log sigma; the start is that of `fit_ppca_em`, with b = 0;
    L-BFGS in float64. The evidence has saddles but no local maxima (Tipping and Bishop 1999,
    appendix A), so that this arrives where the closed form does.

    Args:
        x: points, (N, D).
        k: number of latents, 1 to D - 1.
        steps: at most so many.
        tolerance: stops when a step gains less than this, nats per point.
        generator: of the start.

    Returns:
        Fit(model, history), history the mean log evidence before each step and at the end.

    Raises:
        ValueError: as in `fit_ppca`.
    """
    mean, values, vectors = _principal_axes(x, k)
    x64 = _points_with(mean, values, vectors)
    W, sigma = _start(values, k, generator)
    b, log_sigma = torch.zeros_like(mean), sigma.log()
    parameters = tuple(p.requires_grad_() for p in (W, b, log_sigma))

    def log_evidence() -> Tensor:
        return ppca_log_evidence(x64, W, b, log_sigma.exp()).mean()

    history = climb(log_evidence, parameters, steps, tolerance)
    W, b, log_sigma = (p.detach() for p in parameters)
    return Fit(PPCA(W.to(x.dtype), b.to(x.dtype), float(log_sigma.exp())), history)


# ---------------------------------------------------------------------- the bird's-eye view


@dataclass(frozen=True)
class JointKL:
    """The forward process against the reverse process, all 0-d, nats.

    joint = marginal + posterior = -elbo - entropy.
    """

    joint: Tensor  # KL(p_data(x) q(z | x) || p(z) p_theta(x | z))
    marginal: Tensor  # KL(p_data(x) || p_theta(x))
    posterior: Tensor  # <KL(q(z | x) || p_theta(z | x))>_p_data
    elbo: Tensor  # <ELBO(x)>_p_data
    entropy: Tensor  # -<log p_data(x)>_p_data


def forward_joint(data: Gaussian, A: Tensor, c: Tensor, Q: Tensor) -> MultivariateNormal:
    """The forward process: x ~ p_data = N(m, C), then z | x ~ q = N(A x + c, Q).

    (x, z) ~ N((m, A m + c), [[C, C A^T], [A C, A C A^T + Q]]).

    Args:
        data: p_data, in D dimensions.
        A: (K, D).
        c: (K,).
        Q: (K, K), symmetric and positive definite.

    Returns:
        MultivariateNormal in D + K dimensions, x first, float64.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    m, C, A, c, Q = _linear_gaussian(data, A, c, Q)
    cross = A @ C  # (K, D)
    rows = torch.cat([C, cross.T], dim=1), torch.cat([cross, cross @ A.T + Q], dim=1)
    return MultivariateNormal(torch.cat([m, A @ m + c]), torch.cat(rows))


def reverse_joint(model: PPCA) -> MultivariateNormal:
    """The reverse process: z ~ N(0, I), then x | z ~ N(W z + b, sigma^2 I).

    (x, z) ~ N((b, 0), [[W W^T + sigma^2 I, W], [W^T, I]]).

    Returns:
        MultivariateNormal in D + K dimensions, x first, float64.
    """
    W, b = model.W.double(), model.b.double()
    d, k = W.shape
    eye = torch.eye(d + k, dtype=torch.float64, device=W.device)
    C = W @ W.T + model.sigma**2 * eye[:d, :d]
    rows = torch.cat([C, W], dim=1), torch.cat([W.T, eye[:k, :k]], dim=1)
    return MultivariateNormal(torch.cat([b, b.new_zeros(k)]), torch.cat(rows))


def joint_kl(data: Gaussian, model: PPCA, A: Tensor, c: Tensor, Q: Tensor) -> JointKL:
    """KL(forward || reverse) and the terms it is made of, each computed by its own route.

    KL(p_data q || p p_theta) = KL(p_data || p_theta) + <KL(q || p_theta(z | x))>_p_data
                              = -<ELBO>_p_data - entropy of p_data.

    For a deviation dx = x - m from the mean of the data every average is that of a square:
    <(u + U dx)^T P (u + U dx)> = u^T P u + tr(P U C U^T).

    Args:
        data: p_data = N(m, C), in D dimensions.
        model: p(z) p_theta(x | z).
        A, c, Q: q(z | x) = N(A x + c, Q); (K, D), (K,), (K, K).

    Returns:
        JointKL, computed in float64 and returned in the dtype of A.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    m, C, A64, c64, Q64 = _linear_gaussian(data, A, c, Q)
    if A64.shape != model.W.T.shape:
        raise ValueError(f"A must be (K, D) = {tuple(model.W.T.shape)}, got {tuple(A.shape)}.")
    W, b, sigma = model.W.double(), model.b.double(), model.sigma
    prior, q = _standard_normal(W), MultivariateNormal(A64 @ m + c64, Q64)  # q at x = m

    joint = kl_divergence(forward_joint(data, A, c, Q), reverse_joint(model))

    p_theta = PPCA(W, b, sigma).marginal()
    marginal = kl_divergence(
        MultivariateNormal(m, C), MultivariateNormal(p_theta.mean, p_theta.cov)
    )

    mean, cov = ppca_posterior(torch.stack([m, torch.zeros_like(m)]), W, b, sigma)
    # The posterior mean is linear in x; this is its slope, (K, D).
    slope = torch.linalg.solve(
        W.T @ W + sigma**2 * torch.eye(len(cov), dtype=C.dtype, device=C.device), W.T
    )
    spread = (A64 - slope) @ C @ (A64 - slope).T
    posterior = kl_divergence(q, MultivariateNormal(mean[0], cov))
    posterior = posterior + 0.5 * torch.linalg.solve(cov, spread).trace()

    left = (
        torch.eye(len(m), dtype=C.dtype, device=C.device) - W @ A64
    )  # x - b - W <z>_q = left dx + constant
    square = (m - b - W @ q.mean).square().sum() + _trace(left.T @ left, C) + _trace(W.T @ W, Q64)
    log_likelihood = -0.5 * (square / sigma**2 + len(m) * (LOG_2PI + 2 * math.log(sigma)))
    rate = kl_divergence(q, prior) + 0.5 * _trace(A64.T @ A64, C)

    terms = (joint, marginal, posterior, log_likelihood - rate, C.new_tensor(data.entropy))
    return JointKL(*(term.to(A.dtype) for term in terms))


# ---------------------------------------------------------------------- helpers


def _float64(
    x: Tensor, W: Tensor, b: Tensor, sigma: float | Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(x - b, W, sigma) in float64, if they fit together."""
    checks.floating(x=x, W=W)
    if W.ndim != 2 or x.shape[-1:] != W.shape[:1] or b.shape != W.shape[:1]:
        raise ValueError(
            f"x {tuple(x.shape)}, W {tuple(W.shape)} and b {tuple(b.shape)} do not fit: "
            "(N, D), (D, K) and (D,) are wanted."
        )
    sigma = torch.as_tensor(sigma, dtype=torch.float64, device=W.device)
    if not bool(sigma > 0):
        raise ValueError(f"sigma must be a positive standard deviation, got {float(sigma)}.")
    checks.finite(W=W)
    return x.double() - b.double(), W.double(), sigma


def _posterior(r: Tensor, W: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Cholesky factor of M = W^T W + sigma^2 I and the posterior means M^-1 W^T r, (N, K)."""
    eye = torch.eye(W.shape[1], dtype=W.dtype, device=W.device)
    chol = torch.linalg.cholesky(W.T @ W + sigma**2 * eye)
    return chol, torch.cholesky_solve(W.T @ r.mT, chol).mT


def _trace(a: Tensor, cov: Tensor) -> Tensor:
    """tr(a cov) for symmetric matrices, batched over the leading axes of cov."""
    return (a * cov).sum(dim=(-2, -1))


def _standard_normal(W: Tensor) -> MultivariateNormal:
    """The prior N(0, I) over the K latents of W."""
    k = W.shape[1]
    return MultivariateNormal(W.new_zeros(k), torch.eye(k, dtype=W.dtype, device=W.device))


def _principal_axes(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (D,), eigenvalues (D,), largest first, and eigenvectors (D, D), as columns, in float64.

    Of data to which k latents can be fitted.
    """
    checks.floating(x=x)
    checks.whole(least=0, k=k)
    if x.ndim != 2 or not 1 <= k < x.shape[1]:
        raise ValueError(
            f"x {tuple(x.shape)} must be (N, D), and k = {k} between 1 and D - 1: with as many "
            "latents as dimensions there is no variance left for sigma."
        )
    mean, cov = fit_gaussian(x.double())
    values, vectors = torch.linalg.eigh(cov)
    values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
    if not values[k:].mean() > 10 * len(mean) * torch.finfo(values.dtype).eps * values[0]:
        raise ValueError(
            f"{k} components explain all variance, and the likelihood grows without limit as "
            "sigma goes to 0: take fewer components or more points."
        )
    return mean, values, vectors


def _points_with(mean: Tensor, values: Tensor, vectors: Tensor) -> Tensor:
    """D pairs of points with this mean and these principal axes, (2 D, D).

    The average log evidence depends on the data through mean and covariance alone, and so does a
    step of EM: a fit to these points is the fit to all N.
    """
    axes = (vectors * (len(mean) * values).sqrt()).T
    return mean + torch.cat([axes, -axes])


def _start(values: Tensor, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A random W and a sigma that share the data's variance equally."""
    variance = values.mean() / 2
    W = standard_normal((len(values), k), values, generator)
    return W * (variance / k).sqrt(), variance.sqrt()


def _linear_gaussian(
    data: Gaussian, A: Tensor, c: Tensor, Q: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """(m, C, A, c, Q) in float64, if they fit together."""
    d, k = len(data.mean), len(c)
    if A.shape != (k, d) or c.ndim != 1 or Q.shape != (k, k):
        raise ValueError(
            f"A {tuple(A.shape)}, c {tuple(c.shape)} and Q {tuple(Q.shape)} do not fit data in "
            f"{d} dimensions: (K, D), (K,) and (K, K) are wanted."
        )
    return data.mean.double(), data.cov.double(), A.double(), c.double(), Q.double()
