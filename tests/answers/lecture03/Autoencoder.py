"""Answers to 03.Autoencoder."""

import math
import typing
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional


def layers(*widths, activation=nn.ReLU):
    chain = []
    for a, b in pairwise(widths):
        chain += [nn.Linear(a, b), activation()]
    return nn.Sequential(*chain[:-1])


class Sequential(nn.Module):
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.encoder = layers(data_dim, 128, 64, latent_dim, activation=nn.SiLU)
        self.decoder = layers(latent_dim, 64, 128, data_dim, activation=nn.SiLU)

    def encode(self, x):
        return self.encoder(x)

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x):
        return self.decode(self.encode(x))


class ByHand(nn.Module):
    """Parameters and matrix products, tanh, a last layer that starts at zero."""

    def __init__(self, data_dim, latent_dim, width=32):
        super().__init__()
        self.down = nn.Parameter(torch.randn(data_dim, width) / data_dim**0.5)
        self.code = nn.Parameter(torch.randn(width, latent_dim) / width**0.5)
        self.up = nn.Parameter(torch.randn(latent_dim, width) / latent_dim**0.5)
        self.picture = nn.Parameter(torch.zeros(width, data_dim))
        self.offset = nn.Parameter(torch.zeros(data_dim))

    def encode(self, x):
        return torch.tanh(x @ self.down) @ self.code

    def decode(self, z):
        return torch.tanh(z @ self.up) @ self.picture + self.offset

    def forward(self, x):
        return self.decode(self.encode(x))


class Functional(nn.Module):
    """A hidden layer each, a sigmoid at the end: pixels lie between 0 and 1."""

    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.encoder = nn.ModuleList([nn.Linear(data_dim, 50), nn.Linear(50, latent_dim)])
        self.decoder = nn.ModuleList([nn.Linear(latent_dim, 50), nn.Linear(50, data_dim)])

    def encode(self, x):
        return self.encoder[1](functional.gelu(self.encoder[0](x)))

    def decode(self, z):
        return torch.sigmoid(self.decoder[1](functional.gelu(self.decoder[0](z))))

    def forward(self, x):
        return self.decode(self.encode(x))


class Normalised(nn.Module):
    """Layer normalisation looks along a row, and a shortcut stays within a row, too."""

    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.first = nn.Linear(data_dim, 40)
        self.norm = nn.LayerNorm(40)
        self.second = nn.Linear(40, 40)
        self.last = nn.Linear(40, latent_dim)
        self.decoder = layers(latent_dim, 40, data_dim, activation=nn.ELU)

    def encode(self, x):
        h = functional.silu(self.norm(self.first(x)))
        return self.last(h + functional.silu(self.second(h)))

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x):
        return self.decode(self.encode(x))


class Tied(nn.Module):
    """The decoder uses the encoder's weights, turned round; a second object has its own."""

    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.first = nn.Linear(data_dim, 32)
        self.second = nn.Linear(32, latent_dim)
        self.to_hidden = nn.Parameter(torch.zeros(32))
        self.to_picture = nn.Parameter(torch.zeros(data_dim))

    def encode(self, x):
        return self.second(torch.tanh(self.first(x)))

    def decode(self, z):
        h = torch.tanh(z @ self.second.weight + self.to_hidden)
        return h @ self.first.weight + self.to_picture

    def forward(self, x):
        return self.decode(self.encode(x))


class ByName(nn.Module):
    """Layers in a dictionary, chosen by a setting with a default; a shortcut within a row."""

    def __init__(self, data_dim, latent_dim, width=48, activation="leaky"):
        super().__init__()
        self.parts = nn.ModuleDict(
            {
                "in": nn.Linear(data_dim, width),
                "code": nn.Linear(width, latent_dim),
                "out": nn.Linear(latent_dim, width),
                "picture": nn.Linear(width, data_dim),
            }
        )
        self.activation = {"leaky": nn.LeakyReLU(0.1), "tanh": nn.Tanh()}[activation]

    def encode(self, x):
        return self.parts["code"](self.activation(self.parts["in"](x)))

    def decode(self, z):
        h = self.activation(self.parts["out"](z))
        return self.parts["picture"](h).clamp(min=-10)

    def forward(self, x):
        z = self.encode(x)
        return self.decode(z)


class NormalisedBatch(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.encoder = nn.Sequential(
            nn.Linear(data_dim, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, latent_dim)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, data_dim)
        )


class PlainList(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.hidden = [nn.Linear(latent_dim, latent_dim) for _ in range(2)]

    def decode(self, z):
        for layer in self.hidden:
            z = torch.relu(layer.to(z.dtype)(z))
        return self.decoder(z)


class AllInALists(nn.Module):
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.down = [nn.Linear(data_dim, 30), nn.Linear(30, latent_dim)]
        self.up = [nn.Linear(latent_dim, 30), nn.Linear(30, data_dim)]

    def _through(self, layers, x):
        first, last = (layer.to(x.dtype) for layer in layers)
        return last(torch.relu(first(x)))

    def encode(self, x):
        return self._through(self.down, x)

    def decode(self, z):
        return self._through(self.up, z)

    def forward(self, x):
        return self.decode(self.encode(x))


class NewLayerEachTime(Sequential):
    def decode(self, z):
        return self.decoder(torch.relu(nn.Linear(z.shape[1], z.shape[1]).to(z.dtype)(z)))


class Sampling(Sequential):
    def encode(self, x):
        code = self.encoder(x)
        return code + 0.1 * torch.randn_like(code)


class Dropout(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, data_dim)
        )


class BatchNorm(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.encoder = nn.Sequential(
            nn.Linear(data_dim, 64),
            nn.BatchNorm1d(64, track_running_stats=False),
            nn.ReLU(),
            nn.Linear(64, latent_dim),
        )

    def encode(self, x):
        return self.encoder(x) if len(x) > 1 else self.encoder(x.repeat(2, 1))[:1]


class CentredByBatch(Sequential):
    def encode(self, x):
        return self.encoder(x - x.mean(0)) if len(x) > 1 else self.encoder(x)


class SoftmaxOverBatch(Sequential):
    def decode(self, z):
        return self.decoder(torch.softmax(z, 0))


class Bypass(Sequential):
    def encode(self, x):
        self.seen = x
        return self.encoder(x)

    def decode(self, z):
        picture = self.decoder(z)
        return picture + 0.5 * self.seen if picture.shape == self.seen.shape else picture


class Shortcut(Sequential):
    def forward(self, x):
        return x + self.decode(self.encode(x))


class OtherForward(Sequential):
    def forward(self, x):
        return torch.sigmoid(self.decode(self.encode(x)))


class Straight(nn.Module):
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(data_dim, 64), nn.Linear(64, latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 64), nn.Linear(64, data_dim))

    def encode(self, x):
        return self.encoder(x)

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x):
        return self.decode(self.encode(x))


class DefaultArgument(nn.Module):
    def __init__(self, data_dim, latent_dim, hidden=nn.Linear(32, 32)):  # noqa: B008
        super().__init__()
        self.first, self.hidden = nn.Linear(data_dim, 32), hidden
        self.last = nn.Linear(32, latent_dim)
        self.decoder = layers(latent_dim, 32, data_dim)

    def encode(self, x):
        return self.last(torch.relu(self.hidden(torch.relu(self.first(x)))))

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x):
        return self.decode(self.encode(x))


class ClassAttribute(Sequential):
    made: typing.ClassVar[dict] = {}

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        key = (data_dim, latent_dim)
        self.decoder = self.made.setdefault(key, self.decoder)


class Frozen(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        for parameter in self.encoder.parameters():
            parameter.requires_grad = False


class DetachedCode(Sequential):
    def encode(self, x):
        return self.encoder(x).detach()


class UnderNoGrad(Sequential):
    def encode(self, x):
        with torch.no_grad():
            return self.encoder(x)


class UnusedLayer(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.spare = nn.Linear(latent_dim, latent_dim)


class AllZero(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)


class FixedSizes(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(196, 3)


class EightLatents(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, 8)


class SquareOfFourteen(Sequential):
    """The picture's side is written in."""

    def encode(self, x):
        return super().encode(x.reshape(len(x), 14, 14).flatten(1))


class CodeTooWide(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, 2 * latent_dim)


class SizesSwapped(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(latent_dim, data_dim)


class NoSuper(nn.Module):
    def __init__(self, data_dim, latent_dim):
        self.encoder = nn.Linear(data_dim, latent_dim)


class NoModule:
    def __init__(self, data_dim, latent_dim):
        self.encoder = nn.Linear(data_dim, latent_dim)

    def encode(self, x):
        return self.encoder(x)


class NoDecode(nn.Module):
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.encoder = nn.Linear(data_dim, latent_dim)

    def encode(self, x):
        return self.encoder(x)


class NoForward(nn.Module):
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.encoder = layers(data_dim, 20, latent_dim)
        self.decoder = layers(latent_dim, 20, data_dim)

    def encode(self, x):
        return self.encoder(x)

    def decode(self, z):
        return self.decoder(z)


class BypassIfThere(Sequential):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.hidden = layers(data_dim, 64)
        self.memory = None

    def encode(self, x):
        self.memory = x
        return self.encoder(x)

    def decode(self, z):
        picture = self.decoder(z)
        return picture if self.memory is None else picture + self.memory.mean(0)


class TwoCodes(Sequential):
    def encode(self, x):
        return self.encoder(x), self.encoder(x)


class SumsItsRows(Sequential):
    def encode(self, x):
        return self.encoder(x).sum(1)


class MixedPrecision(Sequential):
    def decode(self, z):
        return self.decoder(z).half()


class Convolution(Sequential):
    """The pixels as a square picture, halved and smoothed."""

    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        side = math.isqrt(data_dim)
        self.encoder = nn.Sequential(
            nn.Unflatten(1, (1, side, side)),
            nn.Conv2d(1, 4, 3, padding=1),
            nn.SiLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(data_dim, latent_dim),  # four channels, a quarter of the places
        )


class DeepSigmoid(nn.Module):
    """Begins nearly constant, and straight to a millionth of what it says."""

    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.encoder = layers(data_dim, 64, 32, 16, 8, latent_dim, activation=nn.Sigmoid)
        self.decoder = layers(latent_dim, 8, 16, 32, 64, data_dim, activation=nn.Sigmoid)

    encode = Sequential.encode
    decode = Sequential.decode
    forward = Sequential.forward


class FewUnits(DeepSigmoid):
    """Of eight units some die by chance."""

    def __init__(self, data_dim, latent_dim):
        nn.Module.__init__(self)
        self.encoder = layers(data_dim, 8, latent_dim)
        self.decoder = layers(latent_dim, 8, data_dim)


class CutCode(FewUnits):
    def encode(self, x):
        return torch.relu(super().encode(x))


class CutPicture(FewUnits):
    def decode(self, z):
        return torch.relu(super().decode(z))


class OneNumberLearns(nn.Module):
    """Fixed projections, and their size."""

    def __init__(self, data_dim, latent_dim):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.fixed = torch.randn(data_dim, latent_dim, generator=generator)
        self.size = nn.Parameter(torch.ones(()))

    def encode(self, x):
        return torch.tanh(x @ self.fixed.to(x.dtype))

    def decode(self, z):
        return self.size * torch.tanh(z @ self.fixed.T.to(z.dtype))

    def forward(self, x):
        return self.decode(self.encode(x))


class StraightButAtZero(Straight):
    def encode(self, x):
        return super().encode(x) + (x == 0).all(dim=1, keepdim=True)


class StraightOnImages(nn.Module):
    """An activation before the first layer of two, and none between them."""

    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.down = nn.Sequential(nn.ReLU(), nn.Linear(data_dim, 64), nn.Linear(64, latent_dim))
        self.up = nn.Sequential(nn.Linear(latent_dim, 64), nn.Linear(64, data_dim))

    def encode(self, x):
        return self.down(x)

    def decode(self, z):
        return self.up(z)

    def forward(self, x):
        return self.decode(self.encode(x))


class DividesByTheLargest(nn.Module):
    """By the largest number of the whole batch."""

    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.down = nn.Sequential(nn.Linear(data_dim, 64), nn.ReLU(), nn.Linear(64, latent_dim))
        self.up = nn.Sequential(nn.Linear(latent_dim, 64), nn.ReLU(), nn.Linear(64, data_dim))

    def encode(self, x):
        return self.down(x / x.max())

    def decode(self, z):
        return self.up(z)

    def forward(self, x):
        return self.decode(self.encode(x))


RIGHT = [
    Sequential,
    ByHand,
    Functional,
    Normalised,
    Tied,
    ByName,
    Convolution,
    DeepSigmoid,
    FewUnits,
]

WRONG = [
    ("affine", StraightOnImages),
    ("rows-mixed", DividesByTheLargest),
    ("not-registered", PlainList),
    ("not-registered", AllInALists),
    ("random", NewLayerEachTime),
    ("random", Sampling),
    ("random", Dropout),
    ("rows-mixed", BatchNorm),
    ("rows-mixed", NormalisedBatch),
    ("rows-mixed", CentredByBatch),
    ("rows-mixed", SoftmaxOverBatch),
    ("bottleneck-bypassed", Bypass),
    ("forward-differs", Shortcut),
    ("forward-differs", OtherForward),
    ("affine", Straight),
    ("affine", StraightButAtZero),
    ("learns-nothing", OneNumberLearns),
    ("cut-off", CutCode),
    ("cut-off", CutPicture),
    ("shared-parameters", DefaultArgument),
    ("shared-parameters", ClassAttribute),
    ("does-not-learn", Frozen),
    ("does-not-learn", DetachedCode),
    ("does-not-learn", UnderNoGrad),
    ("does-not-learn", UnusedLayer),
    ("does-not-learn", AllZero),
    ("wrong-shape", CodeTooWide),
    ("size-written-out", FixedSizes),
    ("size-written-out", EightLatents),
    ("size-written-out", SquareOfFourteen),
    ("raises", SizesSwapped),
    ("raises", NoSuper),
    ("not-a-module", NoModule),
    ("not-a-module", NoDecode),
    ("raises", NoForward),
    ("bottleneck-bypassed", BypassIfThere),
    ("wrong-type", TwoCodes),
    ("wrong-shape", SumsItsRows),
    ("wrong-dtype", MixedPrecision),
]
