"""08.reverse_water_filling: the cheapest description of a Gaussian source."""

import torch

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "08.reverse_water_filling",
    "eigenvalues (D,), level () -> (), ()",
    place=1,
    proves="A component below the water level costs nothing and loses its variance, one above it "
    "costs the log of its height and loses the level, and components add up: for fresh spectra in "
    "any order, one component, one without variance, one just at the level, levels above and far "
    "below all, a thousand components, tiny ones, double precision.",
    hints=(
        "Two values come back, rate and distortion, each a sum over the components. Ask for one "
        "component first: is its variance above the water level, or below?",
        "Below the level nothing is sent: what is the rate then, and how much of the variance is "
        "lost? Above it the level is the error that remains; the text prices one such number.",
        "The loss of each is the smaller of two numbers. For the rate: which value must the ratio "
        "of eigenvalue and level not fall below, so that its logarithm is never negative?",
    ),
    twin="course_utils.rate_distortion:reverse_water_filling",
)
mistake = exercise.mistake


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    above, below = draw.sizes(2, 3, 7)
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for dtype in (torch.float32, torch.float64):
        level = draw.uniform(0.2, 0.7, dtype=dtype)
        high = level * draw.uniform(1.5, 9, above, dtype=dtype)
        low = level * draw.uniform(0.1, 0.8, below, dtype=dtype)
        rest = torch.cat([high, low[1:]])
        order = torch.randperm(len(rest), generator=draw.generator)
        asked.append((level, torch.cat([low[:1], rest[order]]), high[:1], low[:1]))
    answers = [[f(eigenvalues, level) for eigenvalues in rest] for level, *rest in asked]
    for (level, _, high, low), (_, of_high, of_low) in zip(asked, answers, strict=True):
        law(
            near(of_low[0], torch.zeros(()), 1.0) and near(of_low[1], low[0]),
            "One component below the level: nothing is sent, the rate should be 0 and all of its "
            "variance lost.",
            "wrong-below",
        )
        law(
            near((2 * of_high[0]).exp() * level, high[0]) and near(of_high[1], level),
            "One component above the level: the distortion should be the level, and e to twice the "
            "rate how many times higher the component stands.",
            "wrong-above",
        )
    for (level, both, *_), (together, *_) in zip(asked, answers, strict=True):
        alone = [f(eigenvalue[None], level) for eigenvalue in both]
        sums = [torch.stack(values).sum() for values in zip(*alone, strict=True)]
        law(
            near(together[0], sums[0]) and near(together[1], sums[1]),
            "Rate and distortion of several components should be the sums of those of each alone.",
            "not-additive",
        )
    spectrum = draw.uniform(0.5, 4, above)
    spectrum[draw.integer(0, above - 1)] = 0.0
    level = draw.uniform(0.1, 0.4)
    sent = spectrum[spectrum > 0]
    rate, distortion = f(spectrum, level)
    right_rate, right_distortion = f(sent, level)
    law(
        near(rate, right_rate) and near(distortion, right_distortion),
        "A component without variance changes rate or distortion: there is nothing to send and "
        "nothing to lose.",
        "no-variance",
    )
    rate, distortion = f(spectrum, 2 * spectrum.max())
    law(
        near(rate, torch.zeros(()), 1.0) and near(distortion, spectrum.sum()),
        "With the level above all components nothing is sent: the rate should be 0, the distortion "
        "the total variance.",
        "all-drowned",
    )
    # In double precision, where eigenvalue - (eigenvalue - level) still has seven digits.
    sent, tiny = sent.double(), torch.tensor(1e-9, dtype=torch.float64)
    rate, distortion = f(sent, tiny)
    law(
        near(rate, (sent.log() - tiny.log()).sum() / 2) and near(distortion, len(sent) * tiny),
        "At a level of 1e-9 rate or distortion is off: is a small number added somewhere?",
        "tiny-level",
    )
    small = 1e-6 * spectrum, 1e-6 * level
    rate, distortion = f(*small)
    law(
        near(rate, right(*small)[0]) and near(distortion, right(*small)[1]),
        "With eigenvalues and level a million times smaller the rate should be the same, and the "
        "distortion a million times smaller.",
        "units",
    )
    rate, distortion = f(level[None], level)
    law(
        near(rate, torch.zeros(()), 1.0) and near(distortion, level),
        "A component that stands just at the level costs nothing and loses the level, once.",
        "at-the-level",
    )
    many = draw.uniform(1, 4, 500).repeat(2)
    rate, distortion = f(many, level / 100)
    law(
        near(rate, right(many.double(), level.double() / 100)[0]) and near(distortion, 10 * level),
        "With a thousand components, two of each variance, rate or distortion is off: each of them "
        "counts.",
        "many-components",
    )


def right(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("log-of-product")
def _(eigenvalues, level):
    """The ratios are multiplied before the logarithm is taken: of many components the product is
    infinite, so sum their logarithms."""
    rate = 0.5 * torch.clamp(eigenvalues / level, min=1).prod().log()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("bits")
def _(eigenvalues, level):
    """The rate is in bits: here it is in nats, by the natural logarithm."""
    rate = 0.5 * torch.log2(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("no-half")
def _(eigenvalues, level):
    """The rate is twice too large: the eigenvalues are variances, and a factor 1/2 turns them into
    deviations."""
    rate = torch.log(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("no-half")
def _(eigenvalues, level):
    """The rate is in bits and lacks its factor 1/2."""
    rate = torch.log2(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("not-clamped")
def _(eigenvalues, level):
    """Components below the level give a negative rate: nothing is sent for them, so they cost
    zero."""
    rate = 0.5 * torch.log(eigenvalues / level).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("not-clamped")
def _(eigenvalues, level):
    """Components below the level give a negative rate, and the level as distortion: nothing is sent
    for them, and they lose their own variance."""
    rate = 0.5 * torch.log(eigenvalues / level).sum()
    return rate, level * len(eigenvalues)


@mistake("zero-times-infinity")
def _(eigenvalues, level):
    """A component without variance gives nan: the logarithm of 0 is infinite, and a mask that is
    multiplied with it does not remove it. Clamp, or choose with `torch.where`."""
    rate = 0.5 * (torch.log(eigenvalues / level) * (eigenvalues > level)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("mask-reversed")
def _(eigenvalues, level):
    """The rate is that of the components below the level: the ones above it are sent."""
    rate = 0.5 * torch.relu(torch.log(level / eigenvalues)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("rate-sign")
def _(eigenvalues, level):
    """The rate is negative: the logarithm is of eigenvalue over level."""
    rate, distortion = right(eigenvalues, level)
    return -rate, distortion


@mistake("rate-sign")
def _(eigenvalues, level):
    """The rate is negative: the logarithm is of eigenvalue over level, and components below the
    level cost nothing."""
    rate = 0.5 * torch.log(level / eigenvalues).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("max-for-min")
def _(eigenvalues, level):
    """The distortion takes the larger of eigenvalue and level: no component can lose more than its
    own variance."""
    rate, _ = right(eigenvalues, level)
    return rate, eigenvalues.clamp(min=level).sum()


@mistake("level-everywhere")
def _(eigenvalues, level):
    """The distortion is D times the level: a component below the level loses its own variance,
    which is less."""
    rate, _ = right(eigenvalues, level)
    return rate, eigenvalues.shape[0] * level


@mistake("active-only")
def _(eigenvalues, level):
    """Only the components above the level count in your distortion: those below it are lost
    altogether, and that is distortion too."""
    rate, _ = right(eigenvalues, level)
    return rate, (eigenvalues > level).sum() * level


@mistake("drowned-only")
def _(eigenvalues, level):
    """Only the components below the level count in your distortion: each of those above it loses
    the level."""
    rate, _ = right(eigenvalues, level)
    return rate, eigenvalues[eigenvalues < level].sum()


@mistake("kept-variance")
def _(eigenvalues, level):
    """The second value is the variance that is kept: the distortion is what is lost."""
    rate, _ = right(eigenvalues, level)
    return rate, torch.relu(eigenvalues - level).sum()


@mistake("level-once")
def _(eigenvalues, level):
    """The distortion is the level itself: every component brings its own share."""
    rate, _ = right(eigenvalues, level)
    return rate, level


@mistake("total-variance")
def _(eigenvalues, level):
    """The distortion is the total variance: the components above the level lose only a part of
    theirs."""
    rate, _ = right(eigenvalues, level)
    return rate, eigenvalues.sum()


@mistake("mean-for-sum")
def _(eigenvalues, level):
    """Both values are averaged over the components, where sums are wanted."""
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1)).mean()
    return rate, torch.minimum(eigenvalues, level).mean()


@mistake("mean-for-sum")
def _(eigenvalues, level):
    """The rate is averaged over the components, where their sum is wanted."""
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1)).mean()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("mean-for-sum")
def _(eigenvalues, level):
    """The distortion is averaged over the components, where their sum is wanted."""
    rate, _ = right(eigenvalues, level)
    return rate, torch.minimum(eigenvalues, level).mean()


@mistake("not-summed")
def _(eigenvalues, level):
    """One number per component came back: both values are sums over them."""
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1))
    return rate, torch.minimum(eigenvalues, level)


@mistake("swapped")
def _(eigenvalues, level):
    """Both values are right and in the wrong order: the rate comes first."""
    rate, distortion = right(eigenvalues, level)
    return distortion, rate


@mistake("channel-capacity")
def _(eigenvalues, level):
    """This is the capacity of parallel channels, with log(1 + signal / noise): a source needs
    log(eigenvalue / level), and nothing below the level."""
    return 0.5 * torch.log(1 + eigenvalues / level).sum(), torch.minimum(eigenvalues, level).sum()


@mistake("rate-without-level")
def _(eigenvalues, level):
    """The level is missing in the rate: what counts is how far an eigenvalue stands above it."""
    rate = 0.5 * torch.log(eigenvalues[eigenvalues > level]).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("rate-of-the-sum")
def _(eigenvalues, level):
    """The eigenvalues are summed before the logarithm: every component is coded by itself."""
    rate = 0.5 * torch.log(torch.clamp(eigenvalues.sum() / level, min=1))
    return rate, torch.minimum(eigenvalues, level).sum()


@mistake("level-as-deviation")
def _(eigenvalues, level):
    """The level is squared: it is a variance already, like the eigenvalues."""
    return right(eigenvalues, level**2)


@mistake("level-as-deviation")
def _(eigenvalues, level):
    """The root of the level is taken: it is a variance, like the eigenvalues."""
    return right(eigenvalues, level**0.5)


@mistake("level-as-slope")
def _(eigenvalues, level):
    """The level is halved, as if it were the slope of the curve: it is the water level itself, the
    variance left in each component that is sent."""
    return right(eigenvalues, level / 2)


@mistake("level-as-slope")
def _(eigenvalues, level):
    """The level is doubled: it is the water level itself, the variance left in each component that
    is sent."""
    return right(eigenvalues, 2 * level)


@mistake("level-as-slope")
def _(eigenvalues, level):
    """The level is inverted, as if it were a weight of the distortion: it is the water level
    itself."""
    return right(eigenvalues, 1 / level)


@mistake("level-shared")
def _(eigenvalues, level):
    """The level is divided by the number of components, as if it were the distortion of all
    together: each component that is sent loses the whole of it."""
    return right(eigenvalues, level / len(eigenvalues))


@mistake("eigenvalues-as-deviations")
def _(eigenvalues, level):
    """The eigenvalues are squared: they are variances already."""
    return right(eigenvalues**2, level)


@mistake("eigenvalues-as-deviations")
def _(eigenvalues, level):
    """The roots of the eigenvalues are taken, and compared with a level that is a variance."""
    return right(torch.sqrt(eigenvalues), level)


@mistake("relative")
def _(eigenvalues, level):
    """The distortion is divided by the total variance: the plain sum is wanted."""
    rate, distortion = right(eigenvalues, level)
    return rate, distortion / eigenvalues.sum()


@mistake("assumed-sorted")
def _(eigenvalues, level):
    """The components above the level are counted, and then as many of the first ones taken: the
    eigenvalues may stand in any order."""
    sent = int((eigenvalues > level).sum())
    rate = 0.5 * torch.log(eigenvalues[:sent] / level).sum()
    return rate, sent * level + eigenvalues[sent:].sum()
