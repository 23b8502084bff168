"""Answers to 05.ppca_em_step."""

import torch


def _posterior(x, W, b, sigma):
    inverse = torch.linalg.inv(W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype))
    return (x - b) @ W @ inverse, sigma**2 * inverse


def em_by_hand(x, W, b, sigma):
    n, d = x.shape
    mean, cov = _posterior(x, W, b, sigma)
    second = n * cov + mean.T @ mean
    new = (x - b).T @ mean @ torch.linalg.inv(second)
    square = (x - b).square().sum() - 2 * ((x - b) * (mean @ new.T)).sum()
    square = square + torch.trace(second @ new.T @ new)
    return new, torch.sqrt(square / (n * d))


def em_short(x, W, b, sigma):
    # Tipping and Bishop's form with the scatter matrix.
    n, d = x.shape
    scatter = (x - b).T @ (x - b) / n
    m_inverse = torch.linalg.inv(W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype))
    eye = torch.eye(W.shape[1], dtype=x.dtype)
    new = scatter @ W @ torch.linalg.inv(sigma**2 * eye + m_inverse @ W.T @ scatter @ W)
    return new, ((scatter - scatter @ W @ m_inverse @ new.T).trace() / d).sqrt()


def em_point_by_point(x, W, b, sigma):
    mean, cov = _posterior(x, W, b, sigma)
    left = sum(torch.outer(row - b, m) for row, m in zip(x, mean, strict=True))
    moments = [cov + torch.outer(m, m) for m in mean]
    new = torch.linalg.solve(sum(moments), left.T).T
    total = 0
    for row, m, moment in zip(x, mean, moments, strict=True):
        d = row - b
        total = total + d @ d - 2 * m @ new.T @ d + (moment @ new.T @ new).trace()
    return new, (total / x.numel()) ** 0.5


def em_residuals(x, W, b, sigma):
    mean, cov = _posterior(x, W, b, sigma)
    d = x - b
    new = torch.linalg.solve(len(x) * cov + mean.T @ mean, mean.T @ d).T
    square = (d - mean @ new.T).square().sum(1) + torch.einsum("dk,kl,dl->", new, cov, new)
    return [new, torch.sqrt(square.mean() / W.shape[0])]


def em_regression(x, W, b, sigma):
    # Ordinary least squares; sqrt(N) times a factor of the covariance are K more rows.
    mean, cov = _posterior(x, W, b, sigma)
    rows = torch.cat([mean, len(x) ** 0.5 * torch.linalg.cholesky(cov).T])
    targets = torch.cat([x - b, torch.zeros(len(cov), len(b), dtype=x.dtype)])
    new = torch.linalg.lstsq(rows, targets).solution
    return new.T, ((targets - rows @ new).square().sum() / x.numel()).sqrt()


def _em(x, W, b, sigma, second=None):
    """W, sigma squared, and what they are made of."""
    mean, cov = _posterior(x, W, b, sigma)
    second = len(x) * cov + mean.T @ mean if second is None else second
    new = (x - b).T @ mean @ torch.linalg.inv(second)
    return new, mean, cov, second


def _square(x, W, b, mean, second):
    d = x - b
    return (d**2).sum() - 2 * (d * (mean @ W.T)).sum() + (second * (W.T @ W)).sum()


def em_damped(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return (W + new) / 2, deviation


def em_average_sigma(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return new, (deviation + sigma) / 2


def em_single_inside(x, W, b, sigma):
    new, deviation = em_by_hand(x.float(), W.float(), b.float(), sigma)
    return new.to(x.dtype), deviation.to(x.dtype)


def em_two_points(x, W, b, sigma):
    return em_by_hand(x, W, b, sigma) if len(x) > 1 else (W, torch.tensor(sigma, dtype=x.dtype))


def em_jitter(x, W, b, sigma):
    jitter = 1e-6 * torch.eye(W.shape[1], dtype=x.dtype)
    inner = W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype)
    inverse = torch.linalg.inv(inner + jitter)
    mean = (x - b) @ W @ inverse
    second = len(x) * sigma**2 * inverse + mean.T @ mean
    new = (x - b).T @ mean @ torch.linalg.inv(second)
    return new, torch.sqrt(_square(x, new, b, mean, second) / x.numel())


def em_sigma_floor(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return new, deviation.clamp(min=0.05)


def em_means_of_few(x, W, b, sigma):
    new, mean, _, _ = _em(x, W, b, sigma)
    if len(x) > len(b):
        return em_by_hand(x, W, b, sigma)
    return new, ((x - b - mean @ new.T) ** 2).mean().sqrt()


def em_vector(x, W, b, sigma):
    new, mean, _, _ = _em(x, W, b, sigma)
    return new, (x - b - mean @ new.T).std(0)


def em_single(x, W, b, sigma):
    return em_by_hand(x.float(), W.float(), b.float(), sigma)


def em_in_place(x, W, b, sigma):
    x -= b
    return em_by_hand(x, W, torch.zeros_like(b), sigma)


def em_three_values(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return new, x.mean(0), deviation


def em_w_untransposed(x, W, b, sigma):
    inverse = torch.linalg.inv(W @ W.T + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype))
    return (x - b) @ W @ inverse, torch.tensor(sigma)


def em_float(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return new, deviation.item()


def em_by_covariance(x, W, b, sigma):
    """Tipping and Bishop's form, in the covariance of the data."""
    cov = (x - b).T @ (x - b) / len(x)
    eye = torch.eye(W.shape[1], dtype=x.dtype)
    inverse = torch.linalg.inv(W.T @ W + sigma**2 * eye)
    new = cov @ W @ torch.linalg.inv(sigma**2 * eye + inverse @ W.T @ cov @ W)
    return new, ((cov - cov @ W @ inverse @ new.T).trace() / x.shape[1]).sqrt()


RIGHT = [
    em_float,
    em_by_hand,
    em_short,
    em_point_by_point,
    em_residuals,
    em_regression,
    em_by_covariance,
]

WRONG = [
    ("wrong-w", em_damped),
    ("single-precision", em_single_inside),
    ("wrong-w", em_two_points),
    ("wrong-sigma", em_average_sigma),
    ("wrong-sigma", em_means_of_few),
    ("depends-on-units", em_jitter),
    ("depends-on-units", em_sigma_floor),
    ("wrong-type", em_three_values),
    ("wrong-shape", em_vector),
    ("wrong-dtype", em_single),
    ("changes-its-input", em_in_place),
    ("raises", em_w_untransposed),
]
