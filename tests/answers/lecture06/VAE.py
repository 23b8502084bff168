"""Answers to VAE: right classes written otherwise, and wrong ones, each with its mistake's name.

The wrong ones change one thing in the first right one, and so inherit the rest.
"""

import itertools
import math

import torch
from torch import nn
from torch.nn import functional


class OneHiddenLayer(nn.Module):
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(data_dim, 100), nn.ReLU(), nn.Linear(100, 2 * latent_dim)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 100), nn.ReLU(), nn.Linear(100, data_dim)
        )

    def encode(self, x):
        mu, log_var = self.encoder(x).chunk(2, dim=1)
        return mu, log_var

    def decode(self, z):
        return self.decoder(z)

    def loss(self, x, eps):
        mu, log_var = self.encode(x)
        return self.cost(x, self.decode(self.draw(mu, log_var, eps)), mu, log_var)

    def draw(self, mu, log_var, eps):
        return mu + (log_var / 2).exp() * eps

    def cost(self, x, logits, mu, log_var):
        return self.bce(x, logits).sum(1).mean() + self.kl(mu, log_var).sum(1).mean()

    def bce(self, x, logits):
        return functional.binary_cross_entropy_with_logits(logits, x, reduction="none")

    def kl(self, mu, log_var):
        return 0.5 * (mu**2 + log_var.exp() - 1 - log_var)


# --- right, written otherwise -----------------------------------------------------------------


class TwoHeads(nn.Module):
    """A head for each of mu and log_var, tanh, and the library's distributions."""

    def __init__(self, data_dim, latent_dim, hidden=128):
        super().__init__()
        self.body = nn.Linear(data_dim, hidden)
        self.mu_head = nn.Linear(hidden, latent_dim)
        self.log_var_head = nn.Linear(hidden, latent_dim)
        self.first, self.second = nn.Linear(latent_dim, hidden), nn.Linear(hidden, data_dim)

    def encode(self, x):
        h = torch.tanh(self.body(x))
        return self.mu_head(h), self.log_var_head(h)

    def decode(self, z):
        return self.second(torch.tanh(self.first(z)))

    def forward(self, x):
        return self.decode(self.encode(x)[0])

    def loss(self, x, eps):
        mu, log_var = self.encode(x)
        sigma = torch.sqrt(torch.exp(log_var))
        q = torch.distributions.Normal(mu, sigma)
        prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
        pixels = torch.distributions.Bernoulli(logits=self.decode(mu + sigma * eps))
        kl = torch.distributions.kl_divergence(q, prior).sum(1)
        return (kl - pixels.log_prob(x).sum(1)).mean()


class Deeper(nn.Module):
    """Two hidden layers in an `nn.ModuleList`, layer normalisation, log_var held in a range."""

    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.down = nn.ModuleList([nn.Linear(data_dim, 128), nn.Linear(128, 64)])
        self.norm = nn.LayerNorm(64)
        self.out = nn.Linear(64, 2 * latent_dim)
        self.up = nn.ModuleList([nn.Linear(latent_dim, 64), nn.Linear(64, 128)])
        self.image = nn.Linear(128, data_dim)
        self.latent_dim = latent_dim

    def encode(self, x):
        h = 2 * x - 1
        for layer in self.down:
            h = functional.silu(layer(h))
        both = self.out(self.norm(h))
        return both[:, : self.latent_dim], 5 * torch.tanh(both[:, self.latent_dim :] / 5)

    def decode(self, z):
        for layer in self.up:
            z = functional.silu(layer(z))
        return self.image(z)

    def loss(self, x, eps):
        mu, log_var = self.encode(x)
        logits = self.decode(mu + torch.exp(0.5 * log_var) * eps)
        bce = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
        return (bce + kl) / len(x)


class ZeroAtTheEnd(OneHiddenLayer):
    """The encoder's last layer starts at zero, so that q starts as the prior."""

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        nn.init.zeros_(self.encoder[-1].weight)
        nn.init.zeros_(self.encoder[-1].bias)


class BothZeroAtTheEnd(ZeroAtTheEnd):
    """The decoder's last layer, too: nothing moves at the first step but its bias."""

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        nn.init.zeros_(self.decoder[-1].weight)


class Softplus(OneHiddenLayer):
    """The network says the deviation, and `encode` turns it into log_var."""

    def encode(self, x):
        mu, raw = self.encoder(x).chunk(2, dim=-1)
        return mu, 2 * torch.log(functional.softplus(raw) + 1e-3)

    def loss(self, x, eps):
        mu, log_var = self.encode(x)
        logits = self.decode(mu + (log_var / 2).exp() * eps)
        log_p = x * functional.logsigmoid(logits) + (1 - x) * functional.logsigmoid(-logits)
        return -(log_p.sum(1) - self.kl(mu, log_var).sum(1)).mean()


class Residual(OneHiddenLayer):
    """Keeps what it saw, for the curious, and does not use it."""

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.average = nn.Parameter(torch.zeros(data_dim))

    def encode(self, x):
        self.seen = x
        return super().encode(x)

    def decode(self, z):
        return self.average + self.decoder(z)


class Wide(OneHiddenLayer):
    def __init__(self, data_dim, latent_dim):
        nn.Module.__init__(self)
        self.encoder = nn.Sequential(
            nn.Linear(data_dim, 256), nn.ELU(), nn.Linear(256, 2 * latent_dim)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 256), nn.LeakyReLU(), nn.Linear(256, data_dim)
        )


# --- wrong losses -----------------------------------------------------------------------------


class PixelMean(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        bce = functional.binary_cross_entropy_with_logits(logits, x)
        return bce + self.kl(mu, log_var).sum(1).mean()


class AllMeans(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return self.bce(x, logits).mean() + self.kl(mu, log_var).mean()


class LatentMean(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return self.bce(x, logits).sum(1).mean() + self.kl(mu, log_var).mean()


class NoKL(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return self.bce(x, logits).sum(1).mean()


class OnlyKL(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return self.kl(mu, log_var).sum(1).mean() + 0 * logits.sum()


class VarianceForDeviation(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return mu + log_var.exp() * eps


class NoExp(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return mu + log_var * eps


class SigmaForLogVar(OneHiddenLayer):
    """The encoder ends in sigma, and all that follows knows it."""

    def encode(self, x):
        mu, raw = self.encoder(x).chunk(2, dim=1)
        return mu, functional.softplus(raw)

    def draw(self, mu, sigma, eps):
        return mu + sigma * eps

    def kl(self, mu, sigma):
        return 0.5 * (mu**2 + sigma**2 - 1) - sigma.log()


class LogStd(OneHiddenLayer):
    def draw(self, mu, log_std, eps):
        return mu + log_std.exp() * eps

    def kl(self, mu, log_std):
        return 0.5 * (mu**2 + (2 * log_std).exp() - 1) - log_std


class LogStdInKL(OneHiddenLayer):
    def kl(self, mu, log_var):
        return 0.5 * (mu**2 + (2 * log_var).exp() - 1) - log_var


class Variance(OneHiddenLayer):
    """The encoder ends in the variance, and all that follows knows it."""

    def encode(self, x):
        mu, raw = self.encoder(x).chunk(2, dim=1)
        return mu, raw.exp()

    def draw(self, mu, var, eps):
        return mu + var.sqrt() * eps

    def kl(self, mu, var):
        return 0.5 * (mu**2 + var - 1 - var.log())


class HalfTheReconstruction(OneHiddenLayer):
    def bce(self, x, logits):
        return super().bce(x, logits) / 2


class FreeBits(OneHiddenLayer):
    def kl(self, mu, log_var):
        return super().kl(mu, log_var).clamp(min=0.5)


class NoiseOnNoise(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return super().draw(mu, log_var, eps) + 0.1 * torch.randn_like(mu)


class RootOfLogVar(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return mu + log_var.sqrt() * eps


class NoNoise(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return mu


class PlainAutoencoder(NoNoise):
    def cost(self, x, logits, mu, log_var):
        return self.bce(x, logits).sum(1).mean() + 0 * log_var.sum()


class OwnNoise(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return mu + (log_var / 2).exp() * torch.randn_like(mu)


class OwnSeededNoise(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        generator = torch.Generator().manual_seed(0)
        return mu + (log_var / 2).exp() * torch.randn(mu.shape, generator=generator).to(mu)


class TheElboItself(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return -super().cost(x, logits, mu, log_var)


class KLSubtracted(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return self.bce(x, logits).sum(1).mean() - self.kl(mu, log_var).sum(1).mean()


class Summed(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return self.bce(x, logits).sum() + self.kl(mu, log_var).sum()


class KLSummed(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return self.bce(x, logits).sum(1).mean() + self.kl(mu, log_var).sum()


class SigmoidInDecode(OneHiddenLayer):
    """The reconstruction of most tutorials: a sigmoid, and a loss that takes probabilities."""

    def decode(self, z):
        return self.decoder(z).sigmoid()

    def bce(self, x, p):
        return functional.binary_cross_entropy(p, x, reduction="none")


class SigmoidInDecodeAndLogits(OneHiddenLayer):
    """Consistent with itself, and so wrong in one thing only: pixels between 0.5 and 0.73."""

    def decode(self, z):
        return self.decoder(z).sigmoid()


class SigmoidTwice(OneHiddenLayer):
    def bce(self, x, logits):
        return super().bce(x, logits.sigmoid())


class SquaredError(OneHiddenLayer):
    def bce(self, x, logits):
        return (x - logits.sigmoid()) ** 2


class SampledKL(OneHiddenLayer):
    def loss(self, x, eps):
        mu, log_var = self.encode(x)
        z = self.draw(mu, log_var, eps)
        log_q = torch.distributions.Normal(mu, (log_var / 2).exp()).log_prob(z).sum(1)
        log_p = torch.distributions.Normal(0, 1).log_prob(z).sum(1)
        return (self.bce(x, self.decode(z)).sum(1) + log_q - log_p).mean()


class KLTwice(OneHiddenLayer):
    def kl(self, mu, log_var):
        return mu**2 + log_var.exp() - 1 - log_var


class KLWithoutOne(OneHiddenLayer):
    def kl(self, mu, log_var):
        return 0.5 * (mu**2 + log_var.exp() - log_var)


class Beta(OneHiddenLayer):
    def kl(self, mu, log_var):
        return 1.5 * super().kl(mu, log_var)


class PerPixel(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return super().cost(x, logits, mu, log_var) / x.shape[1]


# --- wrong classes ----------------------------------------------------------------------------


class EncoderDraws(OneHiddenLayer):
    def encode(self, x):
        mu, log_var = super().encode(x)
        return mu + (log_var / 2).exp() * torch.randn_like(mu), log_var


class Dropout(OneHiddenLayer):
    def decode(self, z):
        return functional.dropout(self.decoder(z), 0.1, self.training)


class BatchNorm(OneHiddenLayer):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.norm = nn.BatchNorm1d(data_dim)

    def encode(self, x):
        return super().encode(self.norm(x) if len(x) > 1 else x)


class CentredBatch(OneHiddenLayer):
    def encode(self, x):
        return super().encode(x - x.mean(0))


class Bypass(OneHiddenLayer):
    """The decoder sees the image that was encoded last."""

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.hint = nn.Linear(data_dim, data_dim)

    def encode(self, x):
        self.seen = x
        return super().encode(x)

    def decode(self, z):
        seen = getattr(self, "seen", None)
        here = seen is not None and len(seen) == len(z)
        return self.decoder(z) + (self.hint(seen) if here else 0)


class PlainList(OneHiddenLayer):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.layers = [nn.Linear(latent_dim, 100).double(), nn.Linear(100, data_dim).double()]

    def decode(self, z):
        first, second = self.layers
        return self.decoder(z) + second(first(z.double()).relu()).to(z.dtype)


class SharedLayers(OneHiddenLayer):
    """Layers in an attribute of the class: all objects have the same."""

    kept = {}  # noqa: RUF012

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        sizes = data_dim, latent_dim
        if sizes not in self.kept:
            self.kept[sizes] = self.encoder
        self.encoder = self.kept[sizes]


class ConstantLogVar(OneHiddenLayer):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.log_var = nn.Parameter(torch.zeros(latent_dim))
        self.encoder = nn.Sequential(nn.Linear(data_dim, 64), nn.ReLU(), nn.Linear(64, latent_dim))

    def encode(self, x):
        mu = self.encoder(x)
        return mu, self.log_var.expand_as(mu)


class DetachedKL(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return super().cost(x, logits, mu.detach(), log_var.detach())


class DetachedDraw(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return super().draw(mu, log_var, eps).detach()


class DeviationOne(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return mu + eps


class CutLogits(OneHiddenLayer):
    """Logits that stay in a range: where all are cut off no gradient comes back from them."""

    def decode(self, z):
        return self.decoder(z).clamp(-3, 3)


class DataOfTheDraw(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return super().draw(mu, log_var, eps).data


class DetachedMean(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return super().draw(mu.detach(), log_var, eps)


class DetachedDeviation(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return super().draw(mu, log_var.detach(), eps)


class Unused(OneHiddenLayer):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.spare = nn.Linear(latent_dim, latent_dim)


class LossOfNumbers(OneHiddenLayer):
    def loss(self, x, eps):
        return torch.tensor(super().loss(x, eps).item()).to(x)


class Linear(OneHiddenLayer):
    def __init__(self, data_dim, latent_dim):
        nn.Module.__init__(self)
        self.encoder = nn.Linear(data_dim, 2 * latent_dim)
        self.decoder = nn.Linear(latent_dim, data_dim)


class OneTensor(OneHiddenLayer):
    def encode(self, x):
        return self.encoder(x)


class DecodesToImages(OneHiddenLayer):
    def decode(self, z):
        return self.decoder(z)[:, None, :]


class LossPerImage(OneHiddenLayer):
    def cost(self, x, logits, mu, log_var):
        return self.bce(x, logits).sum(1) + self.kl(mu, log_var).sum(1)


class OnlyFourteen(OneHiddenLayer):
    """The size of the lecture's images, written out."""

    def __init__(self, data_dim, latent_dim):
        super().__init__(196, latent_dim)


class EightLatents(OneHiddenLayer):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, 8)


class HalfWrittenIn(OneHiddenLayer):
    """The decoder's end is written out: a wrong shape of the logits, and no error."""

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.decoder[-1] = nn.Linear(100, 196)


class CutAtTwo(TwoHeads):
    """The number of latents is written into `encode`."""

    def encode(self, x):
        mu, log_var = super().encode(x)
        return mu[:, :2], log_var[:, :2]


class NoSuper(nn.Module):
    def __init__(self, data_dim, latent_dim):
        self.encoder = nn.Linear(data_dim, 2 * latent_dim)


class NotAModule:
    def __init__(self, data_dim, latent_dim):
        self.encoder = nn.Linear(data_dim, 2 * latent_dim)


class Convolution(OneHiddenLayer):
    """The encoder sees the pixels as a square picture."""

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        side = math.isqrt(data_dim)
        self.encoder = nn.Sequential(
            nn.Unflatten(1, (1, side, side)),
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * data_dim, 2 * latent_dim),
        )


class DeviationByHand(OneHiddenLayer):
    """The network says a deviation; what is returned is the logarithm of its square."""

    def encode(self, x):
        mu, raw = super().encode(x)
        return mu, 2 * (functional.softplus(raw) + 1e-4).log()


class OneHead(OneHiddenLayer):
    """Both parts come from the same outputs."""

    def encode(self, x):
        mu, _ = super().encode(x)
        return mu, mu


class UnitVariance(OneHiddenLayer):
    def encode(self, x):
        mu, _ = super().encode(x)
        return mu, torch.zeros_like(mu)


class ReluHeads(OneHiddenLayer):
    def encode(self, x):
        return self.encoder(x).relu().chunk(2, dim=1)


class Exchanged(OneHiddenLayer):
    """log_var first, and the loss knows it."""

    def encode(self, x):
        mu, log_var = super().encode(x)
        return log_var, mu

    def loss(self, x, eps):
        log_var, mu = self.encode(x)
        return self.cost(x, self.decode(self.draw(mu, log_var, eps)), mu, log_var)


class BlindDecoder(OneHiddenLayer):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.offset = nn.Parameter(torch.zeros(data_dim))

    def decode(self, z):
        return self.offset.expand(len(z), -1)


class NoiseForCode(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return eps


class LogsWithACushion(OneHiddenLayer):
    """A small number keeps the logarithms finite, and wrong where a pixel is sure."""

    def bce(self, x, logits):
        p = logits.sigmoid()
        return -(x * (p + 1e-8).log() + (1 - x) * (1 - p + 1e-8).log())


class Centred(OneHiddenLayer):
    """Pixels from -1 to 1, layer normalisation, and another activation on each side."""

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.encoder = nn.Sequential(
            nn.Linear(data_dim, 128), nn.LayerNorm(128), nn.SiLU(), nn.Linear(128, 2 * latent_dim)
        )

    def encode(self, x):
        return super().encode(2 * x - 1)


class HeadsInAList(OneHiddenLayer):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        del self.encoder
        self.heads = [nn.Linear(data_dim, latent_dim), nn.Linear(data_dim, latent_dim)]

    def encode(self, x):
        return self.heads[0](x), self.heads[1](x)


class LayersInEachCall(OneHiddenLayer):
    def decode(self, z):
        return nn.Linear(self.encoder[0].out_features, self.encoder[0].in_features)(
            torch.relu(nn.Linear(z.shape[1], self.encoder[0].out_features)(z))
        )


class SinglePrecision(OneHiddenLayer):
    def encode(self, x):
        return super().encode(x.float())


class NoLogitBelowZero(OneHiddenLayer):
    def decode(self, z):
        return torch.relu(super().decode(z))


class MuAndLogVarExchanged(OneHiddenLayer):
    def encode(self, x):
        return super().encode(x)[::-1]

    def loss(self, x, eps):
        log_var, mu = self.encode(x)
        return self.cost(x, self.decode(self.draw(mu, log_var, eps)), mu, log_var)


class PixelsForLogits(OneHiddenLayer):
    def bce(self, x, logits):
        return super().bce(logits, x)


class TwoHiddenLayers(OneHiddenLayer):
    """The decoder learns so fast that a detached draw changes little in the first steps."""

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        sizes = (latent_dim, 128, 128, data_dim)
        layers = [(nn.Linear(a, b), nn.ReLU()) for a, b in itertools.pairwise(sizes)]
        self.encoder = nn.Sequential(
            nn.Linear(data_dim, 128),
            nn.ReLU(),
            nn.Linear(128, 128),
            nn.ReLU(),
            nn.Linear(128, 2 * latent_dim),
        )
        self.decoder = nn.Sequential(*itertools.chain(*layers))[:-1]


class DetachedInADeepOne(TwoHiddenLayers):
    def draw(self, mu, log_var, eps):
        return super().draw(mu, log_var, eps).detach()


class DrawnWithoutGraph(TwoHiddenLayers):
    def draw(self, mu, log_var, eps):
        with torch.no_grad():
            return super().draw(mu, log_var, eps)


class NoiseScaledInPlace(OneHiddenLayer):
    """The numbers stay what they were, and eps is written over all the same."""

    def draw(self, mu, log_var, eps):
        eps *= (log_var / 2).exp().detach() ** 0  # one, in place
        return mu + (log_var / 2).exp() * eps


class CodeScaledInPlace(OneHiddenLayer):
    def decode(self, z):
        z *= 1.0
        return self.decoder(z)


class PositiveLogVar(OneHiddenLayer):
    """A softplus, as if it were a variance; all that follows takes it for its logarithm."""

    def encode(self, x):
        mu, raw = super().encode(x)
        return mu, functional.softplus(raw)


class DeviationForLogVar(OneHiddenLayer):
    def encode(self, x):
        mu, raw = super().encode(x)
        return mu, (raw / 2).exp()


class BoundedMu(OneHiddenLayer):
    def encode(self, x):
        mu, log_var = super().encode(x)
        return torch.tanh(mu), log_var


class Bits(OneHiddenLayer):
    def loss(self, x, eps):
        return super().loss(x, eps) / math.log(2)


class NoiseSubtracted(OneHiddenLayer):
    def draw(self, mu, log_var, eps):
        return mu - (log_var / 2).exp() * eps


class LogProbabilities(OneHiddenLayer):
    def decode(self, z):
        return functional.logsigmoid(super().decode(z))


class LogVarBehindTanh(OneHiddenLayer):
    def encode(self, x):
        mu, log_var = super().encode(x)
        return mu, log_var.tanh()


class NoActivation(OneHiddenLayer):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 100), nn.Linear(100, data_dim))


class FirstLatentOnly(OneHiddenLayer):
    def decode(self, z):
        return self.decoder(torch.cat([z[:, :1], 0 * z[:, 1:]], 1))


class Thresholded(OneHiddenLayer):
    def decode(self, z):
        return (super().decode(z) > 0).float()


class BothSigns(OneHiddenLayer):
    def loss(self, x, eps):
        return (super().loss(x, eps) + super().loss(x, -eps)) / 2


class NoiseDetached(OneHiddenLayer):
    def loss(self, x, eps):
        return super().loss(x, eps.detach())


class WarmedUp(OneHiddenLayer):
    def loss(self, x, eps):
        self.asked = getattr(self, "asked", 0) + 1
        mu, log_var = self.encode(x)
        bce = self.bce(x, self.decode(self.draw(mu, log_var, eps))).sum(1).mean()
        return bce + min(1.0, self.asked / 100) * self.kl(mu, log_var).sum(1).mean()


RIGHT = [
    Convolution,
    NoiseDetached,
    DeviationByHand,
    OneHiddenLayer,
    TwoHeads,
    Deeper,
    ZeroAtTheEnd,
    BothZeroAtTheEnd,
    Softplus,
    Residual,
    Wide,
    Centred,
    TwoHiddenLayers,
    CutLogits,
    NoiseSubtracted,
]

WRONG = [
    ("changes-its-input", NoiseScaledInPlace),
    ("changes-its-input", CodeScaledInPlace),
    ("mean-over-pixels", PixelMean),
    ("mean-over-everything", AllMeans),
    ("mean-over-latents", LatentMean),
    ("no-kl", NoKL),
    ("no-reconstruction", OnlyKL),
    ("variance-for-deviation", VarianceForDeviation),
    ("no-exp", NoExp),
    ("sigma-for-log-var", SigmaForLogVar),
    ("log-var-as-log-std", LogStd),
    ("log-var-as-log-std", LogStdInKL),
    ("no-noise", NoNoise),
    ("autoencoder", PlainAutoencoder),
    ("own-noise", OwnNoise),
    ("eps-ignored", OwnSeededNoise),
    ("elbo-sign", TheElboItself),
    ("kl-sign", KLSubtracted),
    ("sum-over-batch", Summed),
    ("batch-mixed", KLSummed),
    ("sigmoid-in-decode", SigmoidInDecode),
    ("sigmoid-in-decode", SigmoidInDecodeAndLogits),
    ("sigmoid-twice", SigmoidTwice),
    ("squared-error", SquaredError),
    ("sampled-kl", SampledKL),
    ("kl-not-halved", KLTwice),
    ("kl-constant", KLWithoutOne),
    ("kl-weighted", Beta),
    ("reconstruction-weighted", HalfTheReconstruction),
    ("wrong-loss", FreeBits),
    ("variance-for-log-var", Variance),
    ("own-noise", NoiseOnNoise),
    ("not-finite", RootOfLogVar),
    ("per-dimension", PerPixel),
    ("random", EncoderDraws),
    ("random", Dropout),
    ("rows-mixed", BatchNorm),
    ("rows-mixed", CentredBatch),
    ("bottleneck-bypassed", Bypass),
    ("not-registered", PlainList),
    ("shared-parameters", SharedLayers),
    ("log-var-constant", ConstantLogVar),
    ("wrong-gradient", DetachedKL),
    ("detached-draw", DetachedDraw),
    ("detached-draw", DetachedInADeepOne),
    ("detached-draw", DrawnWithoutGraph),
    ("log-var-positive", PositiveLogVar),
    ("log-var-positive", DeviationForLogVar),
    ("mu-bounded", BoundedMu),
    ("arguments-exchanged", PixelsForLogits),
    ("detached-draw", DataOfTheDraw),
    ("no-deviation", DeviationOne),
    ("detached-draw", DetachedMean),
    ("detached-draw", DetachedDeviation),
    ("does-not-learn", Unused),
    ("does-not-learn", LossOfNumbers),
    ("learns-too-little", Linear),
    ("wrong-type", OneTensor),
    ("wrong-shape", DecodesToImages),
    ("wrong-shape", LossPerImage),
    ("size-written-out", OnlyFourteen),
    ("size-written-out", EightLatents),
    ("size-written-out", HalfWrittenIn),
    ("size-written-out", CutAtTwo),
    ("raises", NoSuper),
    ("not-a-module", NotAModule),
    ("one-head", OneHead),
    ("log-var-constant", UnitVariance),
    ("relu-at-the-end", ReluHeads),
    ("exchanged", Exchanged),
    ("z-ignored", BlindDecoder),
    ("code-ignored", NoiseForCode),
    ("overflow", LogsWithACushion),
    ("not-registered", HeadsInAList),
    ("random", LayersInEachCall),
    ("raises", SinglePrecision),
    ("relu-at-the-end", NoLogitBelowZero),
    ("exchanged", MuAndLogVarExchanged),
    ("base-two", Bits),
    ("logits-one-sided", LogProbabilities),
    ("log-var-bounded", LogVarBehindTanh),
    ("no-activation", NoActivation),
    ("latent-unread", FirstLatentOnly),
    ("zeros-and-ones", Thresholded),
    ("wrong-loss", BothSigns),
    ("own-noise", WarmedUp),
]
