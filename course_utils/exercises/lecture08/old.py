"""The exercises of lecture 07, rate-distortion and compression: checks by laws, known mistakes."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise, Mistake
from ..laws import law
from ..lecture02.old import near
from ..subject import Subject

exercises: list[Exercise] = []


def exercise(name, text, *, proves, hints, mistakes=(), twin=None, also=()):
    def register(judge):
        place = len(exercises) + 1
        known = Exercise(name, text, proves, hints, place, twin, also, 1, list(mistakes), judge)
        exercises.append(known)
        return judge

    return register


LOG_2 = math.log(2)

# --- 08.reverse_water_filling ---------------------------------------------------------------


Component = Callable[[Tensor, Tensor], Tensor]  # (eigenvalues (D,), level ()) -> (D,)


def _rates(eigenvalues: Tensor, level: Tensor) -> Tensor:
    """1/2 log+(lambda / level) of each component, in nats."""
    return (eigenvalues / level).clamp(min=1).log() / 2


def _distortions(eigenvalues: Tensor, level: Tensor) -> Tensor:
    return torch.minimum(eigenvalues, level)


def _filled(
    rates: Component = _rates, distortions: Component = _distortions
) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Both sums over the components, where the terms of either may be wrong."""
    return lambda eigenvalues, level: (
        rates(eigenvalues, level).sum(),
        distortions(eigenvalues, level).sum(),
    )


def _at_level(other: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], tuple]:
    """The right formulas at another level."""
    return lambda eigenvalues, level: _filled()(eigenvalues, other(level))


def _masked(mask: Component, values: Component) -> Component:
    """The components where the mask is true; the others count nothing."""
    return lambda e, level: torch.where(mask(e, level), values(e, level), torch.zeros_like(e))


def _logs(eigenvalues: Tensor, level: Tensor) -> Tensor:
    return (eigenvalues / level).log() / 2


def _active(eigenvalues: Tensor, level: Tensor) -> Tensor:
    return eigenvalues > level


def _drowned(eigenvalues: Tensor, level: Tensor) -> Tensor:
    return eigenvalues < level


def _everywhere(eigenvalues: Tensor, level: Tensor) -> Tensor:
    return level.expand_as(eigenvalues)


WATER_MISTAKES = (
    Mistake(
        "bits",
        "The rate is in bits: here it is in nats, by the natural logarithm.",
        _filled(lambda e, level: _rates(e, level) / LOG_2),
    ),
    Mistake(
        "no-half",
        "The rate is twice too large: the eigenvalues are variances, and a factor 1/2 turns them "
        "into deviations.",
        _filled(lambda e, level: 2 * _rates(e, level)),
    ),
    Mistake(
        "no-half",
        "The rate is in bits and lacks its factor 1/2.",
        _filled(lambda e, level: 2 * _rates(e, level) / LOG_2),
    ),
    Mistake(
        "not-clamped",
        "Components below the level give a negative rate: nothing is sent for them, so they cost "
        "zero.",
        _filled(_logs),
    ),
    Mistake(
        "not-clamped",
        "Components below the level give a negative rate, and the level as distortion: nothing is "
        "sent for them, and they lose their own variance.",
        _filled(_logs, _everywhere),
    ),
    Mistake(
        "zero-times-infinity",
        "A component without variance gives nan: the logarithm of 0 is infinite, and a mask that "
        "is multiplied with it does not remove it. Clamp, or choose with `torch.where`.",
        _filled(lambda e, level: _logs(e, level) * _active(e, level)),
    ),
    Mistake(
        "mask-reversed",
        "The rate is that of the components below the level: the ones above it are sent.",
        _filled(lambda e, level: (level / e).clamp(min=1).log() / 2),
    ),
    Mistake(
        "rate-sign",
        "The rate is negative: the logarithm is of eigenvalue over level.",
        _filled(lambda e, level: -_rates(e, level)),
    ),
    Mistake(
        "rate-sign",
        "The rate is negative: the logarithm is of eigenvalue over level, and components below the "
        "level cost nothing.",
        _filled(lambda e, level: (level / e).log() / 2),
    ),
    Mistake(
        "max-for-min",
        "The distortion takes the larger of eigenvalue and level: no component can lose more than "
        "its own variance.",
        _filled(distortions=torch.maximum),
    ),
    Mistake(
        "level-everywhere",
        "The distortion is D times the level: a component below the level loses its own variance, "
        "which is less.",
        _filled(distortions=_everywhere),
    ),
    Mistake(
        "active-only",
        "Only the components above the level count in your distortion: those below it are lost "
        "altogether, and that is distortion too.",
        _filled(distortions=_masked(_active, _everywhere)),
    ),
    Mistake(
        "drowned-only",
        "Only the components below the level count in your distortion: each of those above it "
        "loses the level.",
        _filled(distortions=_masked(_drowned, lambda e, level: e)),
    ),
    Mistake(
        "kept-variance",
        "The second value is the variance that is kept: the distortion is what is lost.",
        _filled(distortions=lambda e, level: (e - level).clamp(min=0)),
    ),
    Mistake(
        "level-once",
        "The distortion is the level itself: every component brings its own share.",
        lambda e, level: (_rates(e, level).sum(), level.clone()),
    ),
    Mistake(
        "total-variance",
        "The distortion is the total variance: the components above the level lose only a part of "
        "theirs.",
        _filled(distortions=lambda e, level: e),
    ),
    Mistake(
        "mean-for-sum",
        "Both values are averaged over the components, where sums are wanted.",
        lambda e, level: (_rates(e, level).mean(), _distortions(e, level).mean()),
    ),
    Mistake(
        "mean-for-sum",
        "The rate is averaged over the components, where their sum is wanted.",
        lambda e, level: (_rates(e, level).mean(), _distortions(e, level).sum()),
    ),
    Mistake(
        "mean-for-sum",
        "The distortion is averaged over the components, where their sum is wanted.",
        lambda e, level: (_rates(e, level).sum(), _distortions(e, level).mean()),
    ),
    Mistake(
        "not-summed",
        "One number per component came back: both values are sums over them.",
        lambda e, level: (_rates(e, level), _distortions(e, level)),
    ),
    Mistake(
        "swapped",
        "Both values are right and in the wrong order: the rate comes first.",
        lambda e, level: _filled()(e, level)[::-1],
    ),
    Mistake(
        "channel-capacity",
        "This is the capacity of parallel channels, with log(1 + signal / noise): a source needs "
        "log(eigenvalue / level), and nothing below the level.",
        _filled(lambda e, level: torch.log1p(e / level) / 2),
    ),
    Mistake(
        "rate-without-level",
        "The level is missing in the rate: what counts is how far an eigenvalue stands above it.",
        _filled(_masked(_active, lambda e, level: e.log() / 2)),
    ),
    Mistake(
        "rate-of-the-sum",
        "The eigenvalues are summed before the logarithm: every component is coded by itself.",
        lambda e, level: (_rates(e.sum(), level), _distortions(e, level).sum()),
    ),
    Mistake(
        "level-as-deviation",
        "The level is squared: it is a variance already, like the eigenvalues.",
        _at_level(torch.square),
    ),
    Mistake(
        "level-as-deviation",
        "The root of the level is taken: it is a variance, like the eigenvalues.",
        _at_level(torch.sqrt),
    ),
    Mistake(
        "level-as-slope",
        "The level is halved, as if it were the slope of the curve: it is the water level itself, "
        "the variance left in each component that is sent.",
        _at_level(lambda level: level / 2),
    ),
    Mistake(
        "level-as-slope",
        "The level is doubled: it is the water level itself, the variance left in each component "
        "that is sent.",
        _at_level(lambda level: 2 * level),
    ),
    Mistake(
        "level-as-slope",
        "The level is inverted, as if it were a weight of the distortion: it is the water level "
        "itself.",
        _at_level(torch.reciprocal),
    ),
    Mistake(
        "level-shared",
        "The level is divided by the number of components, as if it were the distortion of all "
        "together: each component that is sent loses the whole of it.",
        lambda e, level: _filled()(e, level / len(e)),
    ),
    Mistake(
        "eigenvalues-as-deviations",
        "The eigenvalues are squared: they are variances already.",
        lambda e, level: _filled()(e.square(), level),
    ),
    Mistake(
        "eigenvalues-as-deviations",
        "The roots of the eigenvalues are taken, and compared with a level that is a variance.",
        lambda e, level: _filled()(e.sqrt(), level),
    ),
    Mistake(
        "relative",
        "The distortion is divided by the total variance: the plain sum is wanted.",
        lambda e, level: (_rates(e, level).sum(), _distortions(e, level).sum() / e.sum()),
    ),
)


@exercise(
    "08.reverse_water_filling",
    "eigenvalues (D,), level () -> (), ()",
    proves="A component below the water level costs nothing and loses its variance, one above it "
    "costs the log of its height and loses the level, and components add up: for fresh spectra in "
    "any order, one component, one without variance, levels above and far below all, double "
    "precision.",
    hints=(
        "Two values come back, rate and distortion, each a sum over the components. Ask for one "
        "component first: is its variance above the water level, or below?",
        "Below the level nothing is sent: the rate is zero, and all of its variance is lost. Above "
        "it the level is what remains, and the rate is half the log of eigenvalue over level.",
        "`torch.minimum(eigenvalues, level)` is the loss of each. For the rate, clamp eigenvalue "
        "over level at 1 from below before the logarithm: that makes it zero below the level.",
    ),
    twin="course_utils.rate_distortion:reverse_water_filling",
    mistakes=WATER_MISTAKES,
)
def check_reverse_water_filling(f: Subject, draw: Draw) -> None:
    above, below = draw.sizes(2, 3, 7)
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for dtype in (torch.float32, torch.float64):
        level = draw.uniform(0.2, 0.7, dtype=dtype)
        high = level * draw.uniform(1.5, 9, above, dtype=dtype)
        low = level * draw.uniform(0.1, 0.8, below, dtype=dtype)
        order = torch.randperm(above + below, generator=draw.generator)
        both = torch.cat([high, low])[order]
        asked.append((level, both, high[:1], low[:1]))
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
    tiny = torch.tensor(1e-12)
    rate, distortion = f(sent, tiny)
    law(
        near(rate, (sent.log() - tiny.log()).sum() / 2) and near(distortion, len(sent) * tiny),
        "At a level of 1e-12 rate or distortion is off: is a small number added somewhere?",
        "tiny-level",
    )


# --- 08.equivalent_beta ---------------------------------------------------------------------


def _rule(rule: Callable[[float, float, float], float]) -> Callable[..., float]:
    """Another rule for the new beta, as a float."""
    return lambda beta, sigma, new_sigma: float(rule(beta, sigma, new_sigma))


@exercise(
    "08.equivalent_beta",
    "beta float, sigma float, new_sigma float -> float",
    proves="The two losses are proportional, whatever the squared error and the rate are: for "
    "fresh settings, equal sigmas, and sigma from 0.01 to 30.",
    hints=(
        "With a Gaussian decoder the loss is squared error / (2 sigma^2) + beta rate. Two losses "
        "that differ by a constant factor have the same minimum.",
        "Multiply the loss by 2 sigma^2: what stands before the rate then is all that matters.",
        "beta sigma^2 is the only knob. Choose the new beta such that it stays the same.",
    ),
    twin="course_utils.rate_distortion:equivalent_beta",
    mistakes=(
        Mistake(
            "not-squared",
            "The ratio of the sigmas is not squared: the squared error is divided by sigma "
            "squared.",
            _rule(lambda b, s, n: b * s / n),
        ),
        Mistake(
            "inverted",
            "The ratio is upside down: a larger sigma makes the squared error weigh less, and the "
            "rate has to follow.",
            _rule(lambda b, s, n: b * n**2 / s**2),
        ),
        Mistake(
            "inverted",
            "The ratio is upside down, and not squared.",
            _rule(lambda b, s, n: b * n / s),
        ),
        Mistake(
            "product",
            "Both sigmas multiply: the old one multiplies, the new one divides.",
            _rule(lambda b, s, n: b * s**2 * n**2),
        ),
        Mistake(
            "product",
            "Both sigmas multiply: the old one multiplies, the new one divides, both squared.",
            _rule(lambda b, s, n: b * s * n),
        ),
        Mistake(
            "both-divide",
            "Both sigmas divide: the old one multiplies.",
            _rule(lambda b, s, n: b / (s**2 * n**2)),
        ),
        Mistake(
            "knob-itself",
            "This is beta sigma squared, the knob itself: divide it by the new sigma squared.",
            _rule(lambda b, s, n: b * s**2),
        ),
        Mistake(
            "old-sigma-missing",
            "The old sigma is missing.",
            _rule(lambda b, s, n: b / n**2),
        ),
        Mistake(
            "new-sigma-only",
            "The new sigma squared multiplies, and the old one is missing.",
            _rule(lambda b, s, n: b * n**2),
        ),
        Mistake(
            "unchanged",
            "This is the old beta: another sigma needs another beta.",
            _rule(lambda b, s, n: b),
        ),
        Mistake(
            "beta-missing",
            "The old beta is missing: this is the ratio alone.",
            _rule(lambda b, s, n: s**2 / n**2),
        ),
        Mistake(
            "beta-divides",
            "The old beta divides where it multiplies.",
            _rule(lambda b, s, n: s**2 / (b * n**2)),
        ),
        Mistake(
            "two",
            "The 2 of 2 sigma squared stands on both sides and drops out: yours divides.",
            _rule(lambda b, s, n: b * s**2 / (2 * n**2)),
        ),
        Mistake(
            "two",
            "The 2 of 2 sigma squared stands on both sides and drops out: yours multiplies.",
            _rule(lambda b, s, n: 2 * b * s**2 / n**2),
        ),
        Mistake(
            "fourth-power",
            "The ratio of the sigmas is squared twice.",
            _rule(lambda b, s, n: b * s**4 / n**4),
        ),
        Mistake(
            "half-squared",
            "One of the two sigmas is squared, the other is not.",
            _rule(lambda b, s, n: b * s**2 / n),
        ),
        Mistake(
            "half-squared",
            "One of the two sigmas is squared, the other is not.",
            _rule(lambda b, s, n: b * s / n**2),
        ),
        Mistake(
            "root",
            "The root of the ratio is taken, where its square belongs.",
            _rule(lambda b, s, n: b * math.sqrt(s / n)),
        ),
        Mistake(
            "difference",
            "The sigmas are subtracted: it is their ratio that counts.",
            _rule(lambda b, s, n: b + s**2 - n**2),
        ),
        Mistake(
            "difference",
            "The sigmas are subtracted: it is their ratio that counts.",
            _rule(lambda b, s, n: b * (s**2 - n**2)),
        ),
    ),
)
def check_equivalent_beta(f: Subject, draw: Draw) -> None:
    settings = (
        (draw.number(2, 6), draw.number(0.2, 0.5), draw.number(1.5, 3)),
        (draw.number(0.1, 0.6), draw.number(1.5, 3), draw.number(0.2, 0.5)),
        (draw.number(2, 6), 0.01, 30.0),
        (1e-3, 30.0, 0.01),
        (1.0, 0.7, 0.7),
    )
    asked = [(setting, f(*setting)) for setting in settings]
    for (beta, sigma, new_sigma), new_beta in asked:
        law(new_beta > 0, "A positive beta should stay positive.", "not-positive")
        ratios = []
        for _ in range(2):
            square_sum, rate = draw.number(1, 9), draw.number(1, 9)
            loss = square_sum / (2 * sigma**2) + beta * rate
            ratios.append((square_sum / (2 * new_sigma**2) + new_beta * rate) / loss)
        # With the right beta both are the same constant, (sigma / new_sigma)^2.
        law(
            math.isclose(ratios[0], ratios[1], rel_tol=1e-5)
            and math.isclose(ratios[0], (sigma / new_sigma) ** 2, rel_tol=1e-4),
            "With your beta the loss at the new sigma is not proportional to the old one, so it "
            "trains another model.",
            "not-proportional",
        )


# --- 08.bits_back_length --------------------------------------------------------------------


def _length(rule: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Minus another combination of the three logs, in bits."""
    return lambda likelihood, prior, posterior: -rule(likelihood, prior, posterior) / LOG_2


def _right_length(likelihood: Tensor, prior: Tensor, posterior: Tensor) -> Tensor:
    return (posterior - likelihood - prior) / LOG_2


BITS_BACK_MISTAKES = (
    Mistake(
        "nats",
        "This is in nats: a file is measured in bits.",
        lambda *logs: _right_length(*logs) * LOG_2,
    ),
    Mistake(
        "times-log-two",
        "The nats are multiplied by log 2: one nat is more than one bit.",
        lambda *logs: _right_length(*logs) * LOG_2**2,
    ),
    Mistake(
        "no-bits-back",
        "The bits that come back are missing: drawing z from q takes -log q bits off the stack.",
        _length(lambda x, p, q: x + p),
    ),
    Mistake(
        "posterior-sign",
        "The bits of the posterior are paid for: they come back, because z is drawn with bits that "
        "are on the stack already.",
        _length(lambda x, p, q: x + p + q),
    ),
    Mistake(
        "sign",
        "The sign is turned around: log-probabilities are negative, lengths positive.",
        lambda *logs: -_right_length(*logs),
    ),
    Mistake(
        "sign",
        "The sign is turned around, and this is in nats: log-probabilities are negative, lengths "
        "positive.",
        lambda *logs: -_right_length(*logs) * LOG_2,
    ),
    Mistake(
        "no-prior",
        "The prior is missing: z has to be sent too.",
        _length(lambda x, p, q: x - q),
    ),
    Mistake(
        "prior-sign",
        "The prior has the wrong sign: sending z with it costs bits.",
        _length(lambda x, p, q: x - p - q),
    ),
    Mistake(
        "exchanged",
        "Prior and posterior are exchanged: z is sent with the prior and drawn from the posterior.",
        _length(lambda x, p, q: x + q - p),
    ),
    Mistake(
        "no-likelihood",
        "The likelihood is missing: this is what z costs, and x has to be sent as well.",
        _length(lambda x, p, q: p - q),
    ),
    Mistake(
        "likelihood-only",
        "This is what x costs once z is known: z has to be sent, and its bits come back.",
        _length(lambda x, p, q: x),
    ),
    Mistake(
        "likelihood-sign",
        "The likelihood has the wrong sign: sending x costs bits.",
        _length(lambda x, p, q: p - q - x),
    ),
    Mistake(
        "sum-over-batch",
        "This sums over the batch: one length per sample is wanted.",
        lambda *logs: _right_length(*logs).sum(),
    ),
    Mistake(
        "mean-over-batch",
        "This averages over the batch: one length per sample is wanted.",
        lambda *logs: _right_length(*logs).mean(),
    ),
    Mistake(
        "bytes",
        "This is in bytes: bits are wanted.",
        lambda *logs: _right_length(*logs) / 8,
    ),
    Mistake(
        "base-ten",
        "These are decimal digits: divide the nats by log 2, not by log 10.",
        lambda *logs: _right_length(*logs) * LOG_2 / math.log(10),
    ),
    Mistake(
        "log-of-log",
        "The inputs are logarithms already: `log2` of them makes no sense, and nan of negative "
        "ones.",
        lambda x, p, q: q.log2() - x.log2() - p.log2(),
    ),
    Mistake(
        "underflow",
        "exp of a large negative logarithm underflows to 0: stay in logs, and change their base by "
        "a factor.",
        lambda x, p, q: -((x + p - q).exp().log2()),
    ),
    Mistake(
        "underflow",
        "exp of a large negative logarithm underflows to 0: stay in logs, and change their base by "
        "a factor.",
        lambda x, p, q: q.exp().log2() - x.exp().log2() - p.exp().log2(),
    ),
    Mistake(
        "underflow",
        "exp of a large negative logarithm underflows to 0: stay in logs, and change their base by "
        "a factor.",
        lambda x, p, q: (q.exp() / (x.exp() * p.exp())).log2(),
    ),
    Mistake(
        "rounded-up",
        "The length is rounded up to whole bits: with asymmetric numeral systems fractions of bits "
        "add up, and nothing is rounded.",
        lambda *logs: _right_length(*logs).ceil(),
    ),
    Mistake(
        "not-below-zero",
        "Negative lengths are set to zero: a single z can give back more than x and z cost.",
        lambda *logs: _right_length(*logs).clamp(min=0),
    ),
)


@exercise(
    "08.bits_back_length",
    "log_likelihood (B,), log_prior (B,), log_posterior (B,) -> (B,)",
    proves="With the exact posterior the length is -log2 p(x), whichever z was drawn: for fresh "
    "numbers, narrow posteriors, one sample, double precision, and images of 10^4 nats.",
    hints=(
        "Two things are sent: z with the prior, and x with the likelihood. An event of probability "
        "p costs -log p.",
        "z is drawn from q with bits that are on the stack already. Whoever decodes gets these "
        "back, -log q of them: the net length is smaller by that.",
        "The logs are in nats: one bit is log 2 nats, `math.log(2)`.",
    ),
    twin="course_utils.compression:bits_back_length",
    mistakes=BITS_BACK_MISTAKES,
)
def check_bits_back_length(f: Subject, draw: Draw) -> None:
    b, few = draw.sizes(2, 3, 9)
    cases = (
        # draws of z, evidence in nats, size of the other logs, dtype
        (b, draw.number(-30, -10), 5.0, torch.float32),
        (1, draw.number(-30, -10), 5.0, torch.float32),
        (few, draw.number(-3, -1), 2.0, torch.float64),
        (few, draw.number(3, 5), 2.0, torch.float64),  # the evidence of a density may exceed one
        (few, draw.number(-12_000, -10_000), 100.0, torch.float32),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for size, evidence, spread, dtype in cases:
        prior = -spread * draw.uniform(0.5, 1.5, size, dtype=dtype)
        posterior = spread * draw.uniform(-1, 1, size, dtype=dtype)
        likelihood = evidence + posterior - prior  # Bayes' theorem
        asked.append((evidence, f(likelihood, prior, posterior)))
    for evidence, bits in asked:
        scale = abs(evidence) + 1
        law(
            near(bits, bits[:1].expand_as(bits), scale),
            "With the exact posterior the length should not depend on z: a likely z is cheap to "
            "send, and gives fewer bits back.",
            "depends-on-z",
        )
        law(
            near(bits * LOG_2, torch.full_like(bits, -evidence), scale),
            "With the exact posterior the length should be -log p(x), in bits.",
            "wrong-length",
        )


# --- 08.ans_push ----------------------------------------------------------------------------


Push = Callable[[int, int, int, int], int]  # (state, start, freq, precision) -> state


def _right_push(state: int, start: int, freq: int, precision: int) -> int:
    return (state // freq << precision) + state % freq + start


def pop(state: int, start: int, freq: int, precision: int) -> int:
    """The state before the symbol was coded."""
    return freq * (state >> precision) + state % 2**precision - start


ANS_MISTAKES = (
    Mistake(
        "arguments-exchanged",
        "`start` and `freq` are exchanged: the state is divided by the frequency.",
        lambda s, start, freq, p: _right_push(s, freq, start, p),
    ),
    Mistake(
        "precision-as-total",
        "`precision` is used as the total: the frequencies add up to 2^precision.",
        lambda s, start, freq, p: s // freq * p + s % freq + start,
    ),
    Mistake(
        "caret",
        "`2 ^ precision` is not a power in Python, but a bitwise exclusive or: write "
        "`2**precision`, or shift with `<<`.",
        lambda s, start, freq, p: s // freq * (2 ^ p) + s % freq + start,
    ),
    Mistake(
        "no-remainder",
        "The remainder of the division is lost, and with it what the state held: add it.",
        lambda s, start, freq, p: (s // freq << p) + start,
    ),
    Mistake(
        "no-start",
        "`start` is missing: it tells which symbol was coded.",
        lambda s, start, freq, p: (s // freq << p) + s % freq,
    ),
    Mistake(
        "no-start",
        "`start` and the remainder are missing: they are the low bits of the new state.",
        lambda s, start, freq, p: s // freq << p,
    ),
    Mistake(
        "start-sign",
        "`start` is subtracted: that happens when a symbol is taken off again.",
        lambda s, start, freq, p: (s // freq << p) + s % freq - start,
    ),
    Mistake(
        "end-for-start",
        "The end of the interval, start + freq, stands where its start belongs.",
        lambda s, start, freq, p: _right_push(s, start + freq, freq, p),
    ),
    Mistake(
        "not-divided",
        "The state is not divided by `freq`: every symbol costs `precision` bits, however frequent "
        "it is.",
        lambda s, start, freq, p: (s << p) + start,
    ),
    Mistake(
        "not-divided",
        "The state is not divided by `freq`: every symbol costs `precision` bits, however frequent "
        "it is.",
        lambda s, start, freq, p: (s << p) + s % freq + start,
    ),
    Mistake(
        "freq-multiplies",
        "The state is multiplied by `freq`: a frequent symbol makes it grow less, not more.",
        lambda s, start, freq, p: s * freq + s % 2**p + start,
    ),
    Mistake(
        "not-scaled",
        "The quotient is not multiplied by 2^precision: there is no room for the low bits.",
        lambda s, start, freq, p: s // freq + s % freq + start,
    ),
    Mistake(
        "pops",
        "This takes a symbol off the state: it is the step of the decoder.",
        lambda s, start, freq, p: pop(s, start, freq, p),
    ),
    Mistake(
        "pops",
        "This multiplies by `freq` and divides by 2^precision, as the decoder does: the encoder "
        "goes the other way.",
        lambda s, start, freq, p: freq * (s >> p) + s % freq + start,
    ),
    Mistake(
        "pops",
        "This multiplies by `freq` and divides by 2^precision, as the decoder does: the encoder "
        "goes the other way.",
        lambda s, start, freq, p: freq * (s >> p) + s % 2**p + start,
    ),
    Mistake(
        "shifts-by-freq",
        "The quotient is shifted by `freq` bits: it is shifted by `precision`.",
        lambda s, start, freq, p: (s // freq << freq) + s % freq + start,
    ),
    Mistake(
        "remainder-of-total",
        "The remainder is taken by 2^precision: it belongs to the division by `freq`.",
        lambda s, start, freq, p: (s // freq << p) + s % 2**p + start,
    ),
    Mistake(
        "remainder-of-total",
        "The sum of state and start is reduced by 2^precision: the remainder belongs to the "
        "division by `freq`, and `start` is added to it.",
        lambda s, start, freq, p: (s // freq << p) + (s + start) % 2**p,
    ),
    Mistake(
        "remainder-with-start",
        "`start` is added before the remainder is taken: the low bits have to lie inside the "
        "symbol's interval.",
        lambda s, start, freq, p: (s // freq << p) + (s + start) % freq,
    ),
    Mistake(
        "quotient-and-remainder",
        "Quotient and remainder are exchanged: the quotient takes the high bits.",
        lambda s, start, freq, p: (s % freq << p) + s // freq + start,
    ),
    Mistake(
        "all-shifted",
        "The remainder is shifted along: only the quotient is. Mind the parentheses: `+` binds "
        "tighter than `<<`.",
        lambda s, start, freq, p: (s // freq) << (p + s % freq + start),
    ),
    Mistake(
        "all-shifted",
        "The remainder is shifted along: only the quotient is.",
        lambda s, start, freq, p: (s // freq + s % freq + start) << p,
    ),
    Mistake(
        "shift-before-division",
        "The state is shifted before it is divided: divide first, in whole numbers, so that the "
        "low bits are free.",
        lambda s, start, freq, p: (s << p) // freq + s % freq + start,
    ),
    Mistake(
        "shift-before-division",
        "The state is shifted before it is divided: divide first, in whole numbers, so that the "
        "low bits are free.",
        lambda s, start, freq, p: (s << p) // freq + start,
    ),
    Mistake(
        "word-size",
        "The state is cut off at 32 bits: a Python int may grow, and here it holds the whole "
        "message.",
        lambda *args: _right_push(*args) % 2**32,
    ),
    Mistake(
        "word-size",
        "The state is cut off at 64 bits: a Python int may grow, and here it holds the whole "
        "message.",
        lambda *args: _right_push(*args) % 2**64,
    ),
    Mistake(
        "float-division",
        "`/` makes a float, which holds 16 digits, and the state has many more: divide whole "
        "numbers with `//`.",
        lambda s, start, freq, p: s / freq * 2**p + s % freq + start,
    ),
    Mistake(
        "float-division",
        "`/` makes a float: divide whole numbers with `//`.",
        lambda s, start, freq, p: s / freq * 2**p + start,
    ),
    Mistake(
        "float-division",
        "`int(a / b)` goes through a float, which holds 16 digits, and the state has many more: "
        "divide whole numbers with `//`.",
        lambda s, start, freq, p: (int(s / freq) << p) + s % freq + start,
    ),
)


def intervals(draw: Draw) -> list[tuple[int, int, int]]:
    """(start, freq, precision): ordinary ones, a rarest symbol, and precisions apart."""
    precisions = draw.sizes(3, 4, 8)
    found = []
    for precision in precisions:
        freq = draw.integer(3, 2**precision // 2)
        found.append((draw.integer(1, 2**precision - freq), freq, precision))
    found.append((draw.integer(1, 2**9 - 1), 1, 9))
    return found


@exercise(
    "08.ans_push",
    "state int, start int, freq int, precision int -> int",
    proves="The low bits tell the symbol and the decoder gets the old state back, bit by bit: for "
    "fresh intervals, the rarest and the certain symbol, empty states, and states of 200 bits.",
    hints=(
        "The new state has two parts: its low `precision` bits point into the symbol's interval, "
        "and all higher bits hold what the old state had to say.",
        "The old state chooses a place among the `freq` places of the interval: its remainder. The "
        "quotient is what is left of it.",
        "`quotient, remainder = divmod(state, freq)`. Shift the quotient up by `precision` bits, "
        "and fill these with `start + remainder`.",
    ),
    twin="course_utils.compression:ans_push",
    mistakes=ANS_MISTAKES,
)
def check_ans_push(f: Subject, draw: Draw) -> None:
    small, large = [], []  # everything before it is judged: no two mistakes agree by chance
    for start, freq, precision in intervals(draw):
        symbol = (start, freq, precision)
        small += [(s, symbol) for s in (draw.integer(10**4, 10**6), draw.integer(0, 2))]
        # Odd, so that its last bit is not lost unseen.
        large.append((draw.integer(2**39, 2**40) * 2**160 + 2 * draw.integer(1, 2**60) + 1, symbol))
    pushed_small = [f(state, *symbol) for state, symbol in small]
    pushed_large = [f(state, *symbol) for state, symbol in large]
    for (_, (start, freq, precision)), pushed in zip(small, pushed_small, strict=True):
        law(
            start <= pushed % 2**precision < start + freq,
            "The low bits of the new state should lie inside the symbol's interval: by them the "
            "decoder knows which symbol it was.",
            "wrong-low-bits",
        )
    for (state, symbol), pushed in zip(small, pushed_small, strict=True):
        law(
            pop(pushed, *symbol) == state,
            "The decoder does not get the old state back: it multiplies the high bits by `freq` "
            "and adds where inside the interval the low bits lie.",
            "not-undone",
        )
    law(
        all(
            pop(pushed, *symbol) == state
            for (state, symbol), pushed in zip(large, pushed_large, strict=True)
        ),
        "Right for small states, and for a state of 200 bits digits are lost: keep to whole "
        "numbers, in plain Python.",
        "loses-digits",
    )
    state, precision = draw.integer(10**4, 10**6), draw.integer(5, 9)
    law(
        f(state, 0, 2**precision, precision) == state,
        "A symbol that is certain tells nothing: the state should stay as it is.",
        "certain-symbol",
    )


# --- 08.mutual_information_gap --------------------------------------------------------------


Gaps = Callable[[Tensor, Tensor], Tensor]  # (mi (K, F), entropies (F,)) -> anything


def _sorted(mi: Tensor) -> Tensor:
    return mi.sort(dim=0, descending=True).values


def _gaps(mi: Tensor) -> Tensor:
    """Largest minus second of each factor, (F,)."""
    return _sorted(mi)[0] - _sorted(mi)[1]


def _mean_over_factors(gaps: Callable[[Tensor], Tensor]) -> Gaps:
    """The mean of other gaps (F,), each divided by its factor's entropy."""
    return lambda mi, entropies: (gaps(mi) / entropies).mean()


def _gaps_of_latents(mi: Tensor) -> Tensor:
    """Largest minus second of each latent, (K,)."""
    return _gaps(mi.T)


GAP_MISTAKES = (
    Mistake(
        "not-normalised",
        "The gaps are not divided by the entropies: a factor with many values would count more.",
        lambda mi, h: _gaps(mi).mean(),
    ),
    Mistake(
        "normalised-after",
        "The mean gap is divided by the mean entropy: divide each gap by its own factor's entropy "
        "first.",
        lambda mi, h: _gaps(mi).mean() / h.mean(),
    ),
    Mistake(
        "normalised-after",
        "The mean gap is divided by the sum of the entropies: divide each gap by its own factor's "
        "entropy first.",
        lambda mi, h: _gaps(mi).mean() / h.sum(),
    ),
    Mistake(
        "multiplied",
        "The gaps are multiplied by the entropies, where they are divided by them.",
        lambda mi, h: (_gaps(mi) * h).mean(),
    ),
    Mistake(
        "wrong-normaliser",
        "The gaps are divided by the largest mutual information: the entropy of the factor is the "
        "most that any latent could know.",
        lambda mi, h: (_gaps(mi) / _sorted(mi)[0]).mean(),
    ),
    Mistake(
        "wrong-normaliser",
        "The gaps are divided by the summed mutual information: the entropy of the factor is the "
        "most that any latent could know.",
        lambda mi, h: (_gaps(mi) / mi.sum(0)).mean(),
    ),
    Mistake(
        "wrong-normaliser",
        "The gaps are divided by log K: the entropy of the factor is the most that any latent "
        "could know.",
        lambda mi, h: _gaps(mi).mean() / math.log(len(mi)),
    ),
    Mistake(
        "wrong-axis",
        "The two largest are taken over the factors, one gap per latent: for each factor, compare "
        "the latents, axis 0.",
        lambda mi, h: _gaps_of_latents(mi).mean(),
    ),
    Mistake(
        "wrong-axis",
        "The two largest are taken over the factors, one gap per latent: for each factor, compare "
        "the latents, axis 0.",
        lambda mi, h: _gaps_of_latents(mi / h).mean(),
    ),
    Mistake(
        "wrong-axis",
        "The two largest are taken over the factors, one gap per latent: for each factor, compare "
        "the latents, axis 0.",
        lambda mi, h: _gaps_of_latents(mi).mean() / h.mean(),
    ),
    Mistake(
        "minus-mean",
        "The mean over the latents is subtracted: the gap is to the second largest.",
        _mean_over_factors(lambda mi: mi.amax(0) - mi.mean(0)),
    ),
    Mistake(
        "minus-mean",
        "The mean over the other latents is subtracted: the gap is to the largest of them.",
        _mean_over_factors(lambda mi: mi.amax(0) - _sorted(mi)[1:].mean(0)),
    ),
    Mistake(
        "minus-sum",
        "The sum of all other latents is subtracted: the gap is to the largest of them.",
        _mean_over_factors(lambda mi: 2 * mi.amax(0) - mi.sum(0)),
    ),
    Mistake(
        "minus-third",
        "The third largest is subtracted: the gap is to the second, with index 1.",
        _mean_over_factors(lambda mi: _sorted(mi)[0] - _sorted(mi)[2]),
    ),
    Mistake(
        "minus-smallest",
        "The smallest is subtracted: the gap is to the second largest.",
        _mean_over_factors(lambda mi: mi.amax(0) - mi.amin(0)),
    ),
    Mistake(
        "minus-median",
        "The median over the latents is subtracted: the gap is to the second largest.",
        _mean_over_factors(lambda mi: mi.amax(0) - mi.median(0).values),
    ),
    Mistake(
        "no-second",
        "Nothing is subtracted from the largest: when a second latent knows as much, the factor is "
        "not disentangled.",
        _mean_over_factors(lambda mi: mi.amax(0)),
    ),
    Mistake(
        "second-only",
        "This is the second largest itself: its distance from the largest is wanted.",
        _mean_over_factors(lambda mi: _sorted(mi)[1]),
    ),
    Mistake(
        "not-sorted",
        "The first two latents are compared as they stand: the two that know most about the factor "
        "are wanted.",
        _mean_over_factors(lambda mi: mi[0] - mi[1]),
    ),
    Mistake(
        "not-sorted",
        "The first two latents are compared as they stand: the two that know most about the factor "
        "are wanted.",
        _mean_over_factors(lambda mi: (mi[0] - mi[1]).abs()),
    ),
    Mistake(
        "two-smallest",
        "The two smallest are compared: `sort` puts the smallest first.",
        _mean_over_factors(lambda mi: _sorted(mi)[-2] - _sorted(mi)[-1]),
    ),
    Mistake(
        "two-smallest",
        "The two smallest are compared, and the sign is turned around: `sort` puts the smallest "
        "first.",
        _mean_over_factors(lambda mi: _sorted(mi)[-1] - _sorted(mi)[-2]),
    ),
    Mistake(
        "sign",
        "The sign is turned around: the largest comes first.",
        _mean_over_factors(lambda mi: -_gaps(mi)),
    ),
    Mistake(
        "sum-over-factors",
        "This sums over the factors: their mean is wanted.",
        lambda mi, h: (_gaps(mi) / h).sum(),
    ),
    Mistake(
        "divided-by-latents",
        "The sum over the factors is divided by the number of latents: divide it by the number of "
        "factors.",
        lambda mi, h: (_gaps(mi) / h).sum() / len(mi),
    ),
    Mistake(
        "per-factor",
        "One gap per factor came back: their mean is wanted.",
        lambda mi, h: _gaps(mi) / h,
    ),
    Mistake(
        "squared",
        "The gaps are squared.",
        lambda mi, h: (_gaps(mi) / h).square().mean(),
    ),
    Mistake(
        "ratio",
        "This is the ratio of the two largest: their difference is wanted, over the entropy.",
        lambda mi, h: (_sorted(mi)[1] / _sorted(mi)[0]).mean(),
    ),
    Mistake(
        "bits",
        "One of the two is turned into bits: mutual information and entropy have the same unit, "
        "which drops out.",
        lambda mi, h: (_gaps(mi) / h).mean() / LOG_2,
    ),
    Mistake(
        "bits",
        "One of the two is turned into bits: mutual information and entropy have the same unit, "
        "which drops out.",
        lambda mi, h: (_gaps(mi) / h).mean() * LOG_2,
    ),
    Mistake(
        "one-for-all",
        "The two largest of the whole matrix are compared: every factor has its own two.",
        lambda mi, h: (_gaps(mi.flatten()) / h).mean(),
    ),
    Mistake(
        "largest-factor",
        "Only the factor with the largest gap counts: the mean over all factors is wanted.",
        lambda mi, h: (_gaps(mi) / h).max(),
    ),
)


def known_factors(
    k: int, n: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """(mi (K, F), entropies (F,), gaps (F,)): the latents in another order for each factor."""
    entropies = draw.uniform(0.5, 3, n, dtype=dtype)
    shares = torch.linspace(1, 0, k + 1, dtype=dtype)[:k, None] ** 2  # from the largest down
    ordered = shares * draw.uniform(0.5, 1, 1, n, dtype=dtype) * entropies
    order = draw.uniform(0, 1, k, n).argsort(dim=0)
    return ordered.gather(0, order), entropies, ordered[0] - ordered[1]


@exercise(
    "08.mutual_information_gap",
    "mi (K, F), entropies (F,) -> ()",
    proves="The gap is one where each factor has a latent of its own, zero where two latents share "
    "it, and between them the largest minus the second, over the entropy: for fresh numbers in any "
    "order, two latents, one factor, double precision.",
    hints=(
        "For each factor, one column of `mi`, ask which two latents know most about it.",
        "The gap of a factor is the largest minus the second largest, divided by the factor's "
        "entropy. The score is the mean over the factors.",
        "`mi.topk(2, dim=0).values` has shape (2, F): row 0 minus row 1 are the gaps.",
    ),
    twin="course_utils.rate_distortion:mutual_information_gap",
    mistakes=GAP_MISTAKES,
)
def check_mutual_information_gap(f: Subject, draw: Draw) -> None:
    latents, factors, few = draw.sizes(3, 5, 9)
    # Everything is asked before it is judged: no two mistakes agree by chance.
    asked = [
        (case, f(*case[:2]))
        for case in (
            known_factors(latents, factors, draw),
            known_factors(few, latents, draw, torch.float64),
        )
    ]
    entropies = draw.uniform(0.5, 3, factors)
    own = torch.zeros(factors + 2, factors)
    own[torch.randperm(factors + 2, generator=draw.generator)[:factors]] = torch.diag(entropies)
    alone, shared = f(own, entropies), f(torch.cat([own, own]), entropies)
    law(
        near(alone, torch.tensor(1.0)),
        "Where each factor is known to one latent completely, and to no other, the gap should be "
        "one.",
        "not-one",
    )
    law(
        near(shared, torch.tensor(0.0), 1.0),
        "Where two latents know the same about every factor, the gap should be zero.",
        "not-zero",
    )
    for (_, entropies, gaps), score in asked:
        law(
            near(len(entropies) * score, (gaps / entropies).sum()),
            "The gap is wrong: for each factor take the largest minus the second largest, divided "
            "by its entropy, and the mean of these over the factors.",
            "wrong-gap",
        )
    # Last, because what mixes up the axes may raise here.
    for k, n in ((factors, 1), (2, few)):
        mi, entropies, gaps = known_factors(k, n, draw)
        law(
            near(n * f(mi, entropies), (gaps / entropies).sum()),
            f"With {k} latents and {n} factor{'s' if n > 1 else ''} the gap is wrong.",
            "few",
        )
