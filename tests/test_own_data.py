"""Your own data: what is measured agrees with what is known, and what cannot be is said.

Tolerances of random quantities are four standard errors: a false alarm once in 16,000 per number,
and never with these seeds.
"""

import math
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import browser_arguments
from draws import seeded
from PIL import Image
from torch import Tensor

from course_utils import datasets, own_data, plotting, vae
from course_utils.estimates import mean_and_error
from course_utils.own_data import fitting, molecule
from course_utils.own_data.refusals import SOURCES
from course_utils.simulators import molecular


def random_bytes(n: int = 300, shape: tuple[int, ...] = (4, 4), seed: int = 0) -> Tensor:
    """Even over all 256 values: 8 bits each, and nothing can say it shorter."""
    return torch.randint(256, (n, *shape), generator=seeded(seed)) / 255


def correlated(n: int = 1000, d: int = 6) -> tuple[Tensor, float]:
    """Gaussian vectors (n, d) in odd units, and their entropy in nats."""
    mixing = torch.randn(d, d, generator=seeded(1), dtype=torch.float64)
    scales = 10.0 ** torch.arange(-2, d - 2, dtype=torch.float64)
    factor = scales[:, None] * mixing
    x = torch.randn(n, d, generator=seeded(2), dtype=torch.float64) @ factor.T + 3 * scales
    entropy = float(torch.linalg.slogdet(factor)[1]) + d / 2 * math.log(2 * math.pi * math.e)
    return x.float(), entropy


@cache
def fitted_vectors() -> own_data.Fitted:
    return own_data.fit_vae(own_data.prepare(correlated()[0]), steps=400, generator=seeded())


@cache
def fitted_bytes(n: int = 300) -> own_data.Fitted:
    return own_data.fit_vae(own_data.prepare(random_bytes(n)), steps=150, generator=seeded())


@cache
def fitted_colour() -> own_data.Fitted:
    """Six by eight pixels whose colour and brightness vary; real numbers."""
    z = torch.rand(200, 4, generator=seeded(3))
    x = z[:, :3, None, None] * (0.5 + 0.5 * z[:, 3, None, None, None]) * torch.ones(6, 8)
    ramp = torch.linspace(0.2, 1, 8)
    return own_data.fit_vae(own_data.prepare(x * ramp), steps=60, generator=seeded())


# ---------------------------------------------------------------------- what kind of numbers

WHOLE = torch.tensor([[0.0, 3.0], [7.0, 1.0]])


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (torch.tensor([[0.0, 1.0], [1.0, 1.0]]), ("binary", 1.0)),
        (WHOLE, ("stepped", 1.0)),
        (-WHOLE, ("stepped", 1.0)),
        (WHOLE / 255, ("stepped", 1 / 255)),
        (WHOLE.double() / 255, ("stepped", 1 / 255)),
        (WHOLE / 65_535, ("stepped", 1 / 65_535)),
        (WHOLE.double() / 7, ("stepped", 1 / 7)),
        (WHOLE * 16, ("stepped", 16.0)),
        (torch.tensor([[-1.0, 1.0], [1.0, 1.0]]), ("binary", 2.0)),
        (torch.rand(50, 40, generator=torch.Generator().manual_seed(0)), ("real", 0.0)),
        (torch.randn(50, 4, generator=torch.Generator().manual_seed(0)).double(), ("real", 0.0)),
    ],
)
def test_the_kind_of_numbers_is_found(x: Tensor, kind: tuple[str, float]) -> None:
    assert own_data.kind_of(x) == (kind[0], pytest.approx(kind[1], rel=1e-6))


def test_what_load_makes_of_bytes_is_recognised(tmp_path: Path) -> None:
    """All 256 bytes and many 16-bit numbers, after their way through a file."""
    every = np.random.default_rng(0).permutation(256 * 30).reshape(30, 16, 16)
    np.save(tmp_path / "bytes.npy", (every % 256).astype(np.uint8))
    kind, step = own_data.kind_of(own_data.read(tmp_path / "bytes.npy").x)
    assert kind == "stepped" and step == pytest.approx(1 / 255, rel=1e-6)
    (tmp_path / "deep").mkdir()
    for i, pixels in enumerate((every * 7919 % 65_536).astype(np.uint16)):
        Image.fromarray(pixels).save(tmp_path / "deep" / f"{i:02}.png")
    kind, step = own_data.kind_of(own_data.read(tmp_path / "deep").x)
    assert kind == "stepped" and step == pytest.approx(1 / 65_535, rel=1e-6)


# ---------------------------------------------------------------------- preparing


@pytest.mark.parametrize(
    ("shape", "kept", "image"),
    [
        ((5,), (5,), False),
        ((4, 6), (4, 6), True),
        ((3, 4, 6), (3, 4, 6), True),
        ((2, 4, 6), (48,), False),
        ((2, 2, 2, 2), (16,), False),
    ],
)
def test_samples_keep_their_shape(shape: tuple[int, ...], kept: tuple, image: bool) -> None:
    x = torch.rand(50, *shape, generator=seeded())
    data = own_data.prepare(x)
    assert (data.shape, data.is_image, data.data_dim) == (kept, image, math.prod(shape))
    assert data.as_samples(data.train).shape == (40, *kept)
    centre = data.train.mean(dim=0)
    if len(kept) == 2:
        centre = data.train.mean()
    elif len(kept) == 3:
        centre = data.as_samples(data.train).mean(dim=(0, 2, 3)).repeat_interleave(24)
    torch.testing.assert_close(data.centre.squeeze(), centre)
    everything = torch.cat([data.train, data.validation, data.test]).sum()
    torch.testing.assert_close(everything, x.sum())


def test_no_sample_is_in_two_parts() -> None:
    x = random_bytes(100)
    data = own_data.prepare(torch.cat([x, x[:40], x[:40]]))
    assert data.repeats == 80  # their copies stay where the model learns, and nowhere else
    assert (len(data.validation), len(data.test)) == (10, 10) and len(data.train) > 80
    dropped = own_data.prepare(torch.cat([x, x[:40], x[:40]]), repeats="drop")
    assert sum(map(len, (dropped.train, dropped.validation, dropped.test))) == 100
    kept = own_data.prepare(torch.cat([x, x[:40], x[:40]]), repeats="keep")
    assert sum(map(len, (kept.train, kept.validation, kept.test))) == 180
    for first, second in (("train", "test"), ("train", "validation"), ("validation", "test")):
        assert datasets.overlap(getattr(data, first), getattr(data, second)) == 0
    assert torch.equal(own_data.prepare(x, seed=3).test, own_data.prepare(x, seed=3).test)
    assert not torch.equal(own_data.prepare(x, seed=3).test, own_data.prepare(x, seed=4).test)


def test_units_go_there_and_back() -> None:
    x = correlated(200)[0].double()
    data = own_data.prepare(x)
    y = data.to_model(data.test, seeded())
    assert y.dtype == torch.float32  # whatever came in
    torch.testing.assert_close(data.to_data(y), data.test)
    y = data.to_model(data.train, seeded())
    torch.testing.assert_close(y.std(dim=0), torch.ones(6))
    data = own_data.prepare(random_bytes())
    noise = (data.to_data(data.to_model(data.test, seeded())) - data.test) * 255
    assert noise.abs().max() <= 0.501 and noise.std() > 0.25  # even over one step: 0.289
    assert abs(float(noise.mean())) < 4 * 0.289 / noise.numel() ** 0.5


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.rand(5, 3), "5 samples are too few once repeats are left out: 20 different"),
        (torch.rand(4, 3).repeat(30, 1), "120 samples are too few once repeats"),
        (torch.full((50, 3), torch.nan), "finite real numbers.* with 150 that are NaN"),
        (torch.ones(50, 3, dtype=torch.long), "All samples are equal"),
        (torch.ones(50, 3, dtype=torch.complex64), "not torch.complex64 of shape"),
        (torch.rand(50), r"of shape \(50,\)"),
    ],
)
def test_what_cannot_be_prepared_is_said(x: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        own_data.prepare(x)


def test_mnist_is_read_or_missed_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match='"mnist" takes no options, leave size out'):
        own_data.read("mnist", size=8)
    monkeypatch.setenv("COURSE_CACHE_FOLDER", str(tmp_path))
    nowhere = ("http://127.0.0.1:9/",)  # the port "discard": nobody answers
    monkeypatch.setattr(datasets.handwritten, "MNIST_MIRRORS", nowhere)
    with pytest.raises(ConnectionError, match="could not be downloaded") as caught:
        own_data.read("mnist")
    assert "\n" not in str(caught.value)
    wanted = datasets.Splits(torch.ones(3, 2, 2), torch.zeros(1), torch.zeros(1), "")
    monkeypatch.setattr(datasets, "mnist", lambda download: wanted if download else None)
    assert own_data.read("mnist").x is wanted.train


# ---------------------------------------------------------------------- fitting


def test_the_network_is_chosen_by_size() -> None:
    def network(shape: tuple[int, ...]) -> tuple[str, int]:
        x = torch.rand(30, *shape, generator=seeded())
        settings = own_data.fit_vae(own_data.prepare(x), steps=1, generator=seeded()).settings
        return settings["network"].split()[0], settings["latents"]

    assert network((1,)) == ("fully", 2)
    assert network((20,)) == ("fully", 4)
    assert network((28, 28)) == ("fully", 8)
    assert network((40, 40)) == ("convolutions", 8)
    assert network((40, 44)) == ("fully", 8)
    assert network((3, 24, 24)) == ("fully", 8)


def test_what_is_asked_for_is_done() -> None:
    data = own_data.prepare(torch.rand(60, 8, 8, generator=seeded()))
    fitted = own_data.fit_vae(data, latents=3, steps=7, convolutional=True, generator=seeded(5))
    assert fitted.model.latent_dim == 3 and len(fitted.history.loss) == 7
    assert fitted.settings["network"].startswith("convolutions")
    assert fitted.settings["seed"] == "5, of the split 0"
    parameters = sum(p.numel() for p in fitted.model.parameters())
    assert fitted.settings["parameters"] == f"{parameters:,}"
    curve = own_data.rate_distortion_curve(fitted, (0.5, 5.0), steps=3, generator=seeded())
    assert len(curve.models) == 2 and bool(curve.rate.isfinite().all())


@pytest.mark.parametrize("options", [{"latents": 0}, {"steps": 0}])
def test_a_fit_of_nothing_is_refused(options: dict[str, int]) -> None:
    data = own_data.prepare(random_bytes())
    with pytest.raises(ValueError, match="must be at least 1"):
        own_data.fit_vae(data, **options, generator=seeded())


def test_convolutions_need_square_pictures() -> None:
    data = own_data.prepare(torch.rand(30, 4, 6, generator=seeded()))
    with pytest.raises(ValueError, match="square grey images"):
        own_data.fit_vae(data, convolutional=True, generator=seeded())


def test_the_budget_falls_with_the_size_of_the_model() -> None:
    small, large = (vae.mlp_vae(d, 8, generator=seeded()) for d in (100, 4000))
    assert fitting._multiplications(small) == 2 * (100 * 128 + 128 * 128) + 128 * (16 + 8)
    assert fitting._steps(small) == fitting.MOST_STEPS
    assert fitting.FEWEST_STEPS < fitting._steps(large) < fitting.MOST_STEPS
    assert fitting._steps(large, models=100) == fitting.FEWEST_STEPS
    conv = vae.conv_vae(8, 2, channels=(4, 8), generator=seeded())
    down = 16 * 4 * 16 + 4 * 8 * 4 * 16  # pixels, channels out and in, kernel
    up = 16 * 16 * 8 * 9 + 64 * 4 * 4 * 9  # each before its pixels are spread
    assert fitting._multiplications(conv) >= down + 32 * 4 + 2 * 32
    assert fitting._multiplications(conv) <= down + 32 * 4 + 2 * 32 + 2 * up


def test_the_same_seed_gives_the_same_numbers() -> None:
    data = own_data.prepare(random_bytes(60))
    runs = []
    for _ in range(2):
        generator = seeded(4)
        fitted = own_data.fit_vae(data, steps=5, generator=generator)
        runs.append(own_data.score(fitted, generator=generator).per_sample)
    assert torch.equal(*runs)


# ---------------------------------------------------------------------- honest numbers


def test_random_bytes_cannot_be_told_in_fewer_than_eight_bits() -> None:
    """A Gaussian for even numbers wastes log2(sqrt(2 pi e / 12)) = 0.254 bits, the VAE no less."""
    scores = own_data.score(fitted_bytes(), generator=seeded())
    bits, error = scores.bits_per_dim
    assert 8 + 0.2 - 4 * error < bits < 8.6
    alone = scores.simple["a Gaussian per number"] / (16 * math.log(2))
    mean, error = mean_and_error(alone)
    assert abs(mean - 8.254) < 4 * error + 0.01  # the training sample's own mean and spread
    assert bits == pytest.approx(scores.negative_elbo[0] / (16 * math.log(2)))


def test_coins_cost_a_bit() -> None:
    x = torch.randint(2, (400, 12), generator=seeded(), dtype=torch.float32)
    fitted = own_data.fit_vae(own_data.prepare(x), steps=150, generator=seeded())
    scores = own_data.score(fitted, generator=seeded())
    bits, error = scores.bits_per_dim
    assert 1 - 4 * error < bits < 1.15 and scores.sigma is None
    # A Gaussian would do as well here, log2(sqrt(2 pi e) / 2) = 1.05, but 0.5 is no coin.
    assert isinstance(fitted.model.likelihood, vae.Bernoulli)
    mean, error = mean_and_error(scores.simple["a coin per number"])
    assert abs(mean - 12 * math.log(2)) < 4 * error + 0.05


def test_the_same_pixels_as_bytes_and_as_counts_cost_the_same() -> None:
    x = random_bytes(100)
    costs = []
    for values in (x, (255 * x).round()):
        fitted = own_data.fit_vae(own_data.prepare(values), steps=30, generator=seeded())
        costs.append(own_data.score(fitted, generator=seeded()).per_sample)
    torch.testing.assert_close(*costs, rtol=1e-4, atol=1e-3)


def test_densities_change_with_the_units_by_what_they_should() -> None:
    """Each number ten times larger: log 10 nats more for each of them."""
    x, _ = correlated(200)
    costs = []
    for values in (x, 10 * x):
        fitted = own_data.fit_vae(own_data.prepare(values), steps=30, generator=seeded())
        costs.append(own_data.score(fitted, generator=seeded()).per_sample)
    expected = costs[0] + 6 * math.log(10)
    torch.testing.assert_close(costs[1], expected, rtol=1e-3, atol=1e-2)


def test_nothing_beats_the_entropy_and_the_right_model_reaches_it() -> None:
    entropy = correlated()[1]
    scores = own_data.score(fitted_vectors(), generator=seeded())
    bound, error = scores.negative_elbo
    assert bound > entropy - 4 * error
    best, error = mean_and_error(scores.simple["one Gaussian for all"])
    # 27 parameters from 800 samples cost about 27 / 1600 nats.
    assert abs(best - entropy - 27 / 1600) < 4 * error
    alone, error = mean_and_error(scores.simple["a Gaussian per number"])
    assert alone > best + 4 * error


def test_one_gaussian_needs_enough_samples() -> None:
    x = torch.randn(100, 30, generator=seeded())
    fitted = own_data.fit_vae(own_data.prepare(x), steps=2, generator=seeded())
    scores = own_data.score(fitted, generator=seeded())
    assert list(scores.simple) == ["a Gaussian per number"]
    curve = own_data.rate_distortion_curve(fitted, (1.0,), steps=2, generator=seeded())
    assert curve.limit is None


def test_rates_are_sorted_and_add_up() -> None:
    scores = own_data.score(fitted_vectors(), generator=seeded())
    assert torch.equal(scores.rates, scores.rates.sort(descending=True).values)
    assert abs(float(scores.rates.sum()) - scores.rate) < 1e-4
    assert sorted(scores.order.tolist()) == list(range(len(scores.rates)))
    assert replace(scores, rates=torch.tensor([1.0, 0.06, 0.04])).used == 2


# ---------------------------------------------------------------------- cautions


def said(fitted: own_data.Fitted, words: str, scores: own_data.Scores | None = None) -> bool:
    scores = scores or own_data.score(fitted, generator=seeded())
    found = own_data.cautions(fitted, scores)
    assert all("\n" not in sentence and sentence.endswith(".") for sentence in found)
    return any(words in sentence for sentence in found)


def test_few_data_repeats_and_constants_are_said() -> None:
    x = random_bytes(100)
    x[:, 0] = 0  # a row of four pixels
    fitted = own_data.fit_vae(own_data.prepare(torch.cat([x, x[:7]])), steps=5, generator=seeded())
    assert said(fitted, "7 samples equal an earlier one: ")
    assert said(fitted, f"Only {len(fitted.data.train)} training samples")
    assert said(fitted, "4 of 16 numbers of a sample never change")
    fitted = fitted_vectors()
    assert not said(fitted, "training samples: expect") and not said(fitted, "never change")
    assert not said(fitted, "equal another")


def test_learning_by_heart_is_said() -> None:
    """Fifty random vectors, and a validation part so easy that nothing stops the fit."""
    x = torch.randn(60, 40, generator=seeded())
    data = own_data.prepare(x)
    fitted = own_data.fit_vae(
        replace(data, validation=data.train[:6]), latents=20, steps=300, generator=seeded()
    )
    assert said(fitted, "better on training samples than on new ones")
    assert not said(fitted_bytes(), "better on training samples")


def test_a_better_simple_model_is_said() -> None:
    assert said(fitted_vectors(), "A simpler model, one Gaussian for all, is better by")
    assert not said(fitted_vectors(), "A simpler model, a Gaussian per number")


def test_silent_latents_and_units_are_said() -> None:
    fitted = fitted_vectors()
    scores = own_data.score(fitted, generator=seeded())
    k = len(scores.rates)
    assert said(fitted, f"All {k} latents are used", replace(scores, rates=torch.ones(k)))
    silent = torch.tensor([1.0] + [0.0] * (k - 1))
    assert said(fitted, f"{k - 1} of {k} latents are silent", replace(scores, rates=silent))
    assert said(fitted, "No latent is used", replace(scores, rates=torch.zeros(k)))
    assert said(fitted, "densities") and not said(fitted_bytes(), "densities")


# ---------------------------------------------------------------------- rate and distortion


def test_a_larger_beta_tells_less_and_no_gaussian_lies_below_the_limit() -> None:
    curve = own_data.rate_distortion_curve(
        fitted_vectors(), (0.1, 1.0, 10.0, 100.0), steps=300, generator=seeded()
    )
    assert bool((curve.rate.diff() < 0).all()) and bool((curve.rms.diff() > 0).all())
    assert curve.rate[-1] < 0.1 and abs(float(curve.rms[-1]) - 1) < 0.1
    limit_rate, limit_rms = (v.numpy() for v in curve.limit)
    order = limit_rate.argsort()
    allowed = np.interp(curve.rate.numpy(), limit_rate[order], limit_rms[order])
    # The limit is that of 800 training samples; 100 others have a squared error that differs by
    # a relative sqrt(2 / 100), and the root by half of that.
    assert bool((curve.rms.numpy() > allowed * (1 - 4 * 0.07)).all())
    # A share of the energy by hand: where nothing is told all of the variance is left.
    assert limit_rms.max() == pytest.approx(1, abs=1e-6) and limit_rate.min() == 0


def test_the_error_is_a_share_of_the_deviation() -> None:
    """By hand, with draws of our own: 600 numbers, so 4 standard errors are about 15 %."""
    fitted = fitted_vectors()
    curve = own_data.rate_distortion_curve(fitted, (1.0, 30.0), steps=20, generator=seeded())
    y = fitted.data.to_model(fitted.data.test, seeded())
    for model, rms in zip(curve.models, curve.rms.tolist(), strict=True):
        with torch.no_grad():
            mu, log_var = model.encode(y)
            z = mu + (log_var / 2).exp() * torch.randn(mu.shape, generator=seeded(8))
            error = (y - model.decode(z)).square().mean().sqrt()
        # In the model's units each number of the training data has deviation 1.
        assert float(error) == pytest.approx(rms, rel=0.15)
    assert curve.rms[0] < 0.8  # where a forgotten root would show


def test_the_curve_starts_from_the_fitted_model() -> None:
    """After one step with beta = 1 nothing has changed much."""
    fitted = fitted_vectors()
    curve = own_data.rate_distortion_curve(fitted, (1.0, 1.0), steps=1, generator=seeded())
    scores = own_data.score(fitted, generator=seeded())
    total = curve.rate + curve.distortion
    assert bool(((total - scores.negative_elbo[0]).abs() < 1).all())


# ---------------------------------------------------------------------- figures


@pytest.mark.parametrize("make", [fitted_vectors, fitted_bytes, fitted_colour])
def test_every_shape_of_data_can_be_drawn(make) -> None:
    fitted = make()
    generator = seeded()
    scores = own_data.score(fitted, generator=generator)
    curve = own_data.rate_distortion_curve(fitted, (0.5, 5.0), steps=2, generator=generator)
    shown = [
        own_data.draw_data(fitted.data),
        own_data.draw_samples(fitted, generator=generator),
        own_data.draw_latents(fitted, scores, generator=generator),
        own_data.draw_history(fitted),
        own_data.draw_curve(curve),
    ]
    for fig, sentence in shown:
        pixels = plotting.render(fig, dpi=50)
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 5  # (h, w, 3) -> (h w, 3)
        assert len(sentence.split()) > 5 and "\n" not in sentence and sentence.endswith(".")


def test_the_kept_step_stands_where_the_validation_loss_is_lowest() -> None:
    """400 rows in batches of 128 make epochs of four steps, the last one here of two."""
    fitted = own_data.fit_vae(own_data.prepare(random_bytes(500)), steps=150, generator=seeded())
    fig, _ = own_data.draw_history(fitted)
    training, validation, kept = fig.axes[0].lines
    steps, values = (np.asarray(data) for data in validation.get_data())
    assert steps[values.argmin()] == kept.get_xdata()[0] == fitted.history.best_step
    assert list(steps[:2]) == [4, 8] and steps[-1] == 150
    last = sum(term[-2:].mean() for term in fitted.history.terms.values())
    assert training.get_ydata()[-1] == pytest.approx(float(last) + fitted.data.constant_nats)


def test_colours_stay_colours() -> None:
    """Red samples are drawn red: channels first in the data, last in the picture."""
    x = torch.rand(60, 3, 4, 6, generator=seeded())
    x[:, 1:] = 0.01 * x[:, 1:]
    fig, _ = own_data.draw_data(own_data.prepare(x))
    (shown,) = fig.axes[0].images
    # The gaps between the pictures are white.
    inside = shown.get_array().reshape(-1, 3)  # (h, w, 3) -> (h w, 3)
    inside = inside[(inside < 1).any(axis=1)]
    assert inside[:, 0].mean() > 0.4 and inside[:, 1:].mean() < 0.05


def test_colour_of_the_map_needs_a_number_for_each_sample() -> None:
    scores = own_data.score(fitted_bytes(), generator=seeded())
    with pytest.raises(ValueError, match="each of the 30 test samples"):
        own_data.draw_latents(fitted_bytes(), scores, torch.zeros(7), generator=seeded())


# ---------------------------------------------------------------------- the report

EMPTY = {"meta", "img", "link", "br", "input"}


class Page(HTMLParser):
    """Reads a page, and demands that every element is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str]] = []
        self.tags: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


HOSTILE = "a < b & \"c\" <script>alert('!')</script> {brace} ü"


def write(path: Path, **options) -> tuple[str, list[str]]:
    fitted = fitted_bytes()
    generator = seeded()
    scores = own_data.score(fitted, generator=generator)
    curve = own_data.rate_distortion_curve(fitted, (0.5, 5.0), steps=2, generator=generator)
    figures = [own_data.draw_data(fitted.data), own_data.draw_history(fitted)]
    figures += [own_data.draw_curve(curve), (own_data.draw_curve(curve)[0], HOSTILE)]
    options = {"title": "Noise"} | options
    written = own_data.write_report(path, fitted, scores, curve, figures, **options)
    assert written == path
    return path.read_text(encoding="utf-8"), [sentence for _, sentence in figures]


def test_the_report_is_one_page_with_everything_inside(tmp_path: Path) -> None:
    measured = {"spread": [(0.25, 0.01), (0.5, 0.002), (0.125, 0.0)]}
    text, sentences = write(tmp_path / "report.html", answers=["First."], measured=measured)
    page = Page(text)
    assert [image["alt"] for image in page.images] == sentences
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.images)
    assert not {"script", "link", "iframe", "a", "object", "form"} & set(page.tags)
    assert "http:" not in text and "https:" not in text and "url(" not in text
    assert text.startswith("<!DOCTYPE html>\n<html lang=") and '<meta charset="utf-8">' in text
    scores = own_data.score(fitted_bytes(), generator=seeded())
    for wanted in (
        "4 × 4",
        "240, 30, 30",
        "steps of 0.003922",
        own_data.plus_minus(scores.negative_elbo),
        "bits per number",
        "0.25 ± 0.01",
        "0.500 ± 0.002",
        "First.",
        f"PyTorch {torch.__version__}",
        "0, of the split 0",
        *own_data.QUESTIONS,
        *own_data.cautions(fitted_bytes(), scores),
    ):
        assert wanted in page.words, wanted
    assert page.words.count("(not answered yet)") == 2


def test_text_of_the_student_stays_text(tmp_path: Path) -> None:
    answers, measured = [HOSTILE] * 3, {HOSTILE: [(1.0, 0.1)] * 3}
    text, _ = write(tmp_path / "report.html", title=HOSTILE, answers=answers, measured=measured)
    page = Page(text)
    assert "script" not in page.tags
    assert page.words.count(HOSTILE) == 1 + 1 + 3 + 1 + 1  # title twice, answers, table, caption
    assert page.images[-1]["alt"] == HOSTILE


def test_densities_are_called_so(tmp_path: Path) -> None:
    fitted = fitted_vectors()
    scores = own_data.score(fitted, generator=seeded())
    curve = own_data.rate_distortion_curve(fitted, (1.0,), steps=1, generator=seeded())
    path = own_data.write_report(tmp_path / "r.html", fitted, scores, curve, [], title="x")
    assert "bits per number, a density" in path.read_text("utf-8")
    assert "a density" not in write(tmp_path / "bytes.html")[0]


def test_a_report_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 questions, and 4 answers"):
        write(tmp_path / "report.html", answers=["a"] * 4)
    with pytest.raises(ValueError, match="nowhere' is not there"):
        write(tmp_path / "nowhere" / "report.html")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1592.4412, 0.837), "1592.4 ± 0.8"),
        ((0.80179, 0.0053), "0.802 ± 0.005"),
        ((1592.4412, 23.0), "1592 ± 23"),
        ((-3.0, 0.0), "-3"),
        ((0.5, math.nan), "0.5"),
    ],
)
def test_errors_set_the_digits(value: tuple[float, float], text: str) -> None:
    assert own_data.plus_minus(value) == text


def test_a_browser_shows_it_and_prints_it_on_one_page(tmp_path: Path, browser_path: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    write(tmp_path / "report.html", answers=["Two sentences for each. They are short."] * 3)
    asked, complaints = [], []
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=browser_path, args=browser_arguments())
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.on("request", lambda request: asked.append(request.url[:5]))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto((tmp_path / "report.html").as_uri())
        sizes = page.evaluate("[...document.images].map(i => i.naturalWidth)")
        wide = page.evaluate("document.documentElement.scrollWidth")
        paper = page.pdf(prefer_css_page_size=True)
        browser.close()
    assert len(sizes) == 4 and min(sizes) > 400 and wide <= 1000
    assert set(asked) <= {"file:", "data:"} and asked.count("file:") == 1
    assert complaints == []
    assert paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page/") == 1


# ---------------------------------------------------------------------- refusals


def test_a_dozen_files_are_refused_in_a_sentence_each() -> None:
    found = own_data.refusals()
    assert [r.fault for r in found] == list(SOURCES) and len(found) == 12
    assert len({r.sentence for r in found}) == 12
    for _, sentence in found:
        assert sentence.endswith(".") and "\n" not in sentence and ". " not in sentence.rstrip(".")
        assert "/" not in sentence.replace("(N, ...)", ""), "no folder of this machine"


def test_the_table_shows_all_of_them(capsys: pytest.CaptureFixture) -> None:
    own_data.show_refusals()
    shown = capsys.readouterr().out
    assert "Python objects" in shown


# ---------------------------------------------------------------------- the worked example


def test_photographs_are_drawn_from_the_boltzmann_density() -> None:
    stored, c = molecule.photographs(2000, generator=seeded())
    assert stored.dtype == torch.uint8 and stored.shape == (2000, 20, 20)
    share, error = mean_and_error(molecular.in_deep_basin(c).double())
    assert abs(share - molecule.population()) < 4 * error
    noise = stored.float() / 255 - molecule.pictures(c)
    assert abs(float(noise.mean())) < 4 * 0.05 / noise.numel() ** 0.5 + 1e-5
    assert float(noise.std()) == pytest.approx(0.05, rel=0.01)
    # Nothing is cut off at black or white, or the noise would not be Gaussian.
    assert ((stored == 0) | (stored == 255)).double().mean() < 1e-5


def test_the_third_atom_is_where_the_coordinates_say() -> None:
    """Two pictures differ by one spot; its centre of brightness is length times direction."""
    c = torch.tensor([[0.5, 0.0], [-0.5, 1.5]], dtype=torch.float64)
    for (x, y), picture in zip(c, molecule.pictures(c), strict=True):
        spots = picture - molecule.BACKGROUND
        place = torch.arange(20, dtype=torch.float64) - 9.5
        across, up = spots.sum(0) @ place / spots.sum(), spots.sum(1) @ -place / spots.sum()
        fixed = torch.tensor(molecule.FIXED, dtype=torch.float64)
        third = 3 * torch.stack([across, up]) - fixed.sum(dim=0)
        arm, angle = 7 + 2 * float(x), math.pi / 3 * float(y)
        wanted = fixed[1] + arm * torch.tensor([math.cos(angle), math.sin(angle)])
        torch.testing.assert_close(third, wanted, atol=0.2, rtol=0)  # spots end at the border


def test_the_shape_is_read_from_the_picture() -> None:
    stored, c = molecule.photographs(1000, generator=seeded(1))
    bent = molecule.bent(stored.float() / 255)
    assert set(bent.tolist()) <= {0.0, 1.0}
    # Between the basins, where few molecules are, the noise may decide.
    assert (bent.bool() == molecular.in_deep_basin(c)).double().mean() > 0.99
    assert molecule.population() == pytest.approx(0.802, abs=5e-4)


def test_the_exact_probability_against_another_quadrature() -> None:
    """The simulator's own grid, its whole box, torch's Normal, and all but the emptiest cells."""
    stored, _ = molecule.photographs(3, generator=seeded(2))
    x = stored.double() / 255
    truth = molecular.boltzmann(kT=molecule.KT, n=450)
    likely = truth.probability > 1e-10
    c, log_p = truth.grid[likely], truth.probability[likely].log()
    log_x = torch.full((3,), -math.inf, dtype=torch.float64)
    for some, log_c in zip(c.split(2000), log_p.split(2000), strict=True):
        normal = torch.distributions.Normal(molecule.pictures(some)[:, None], molecule.NOISE)
        log_joint = normal.log_prob(x).sum(dim=(2, 3)) + log_c[:, None]
        log_x = torch.logaddexp(log_x, log_joint.logsumexp(dim=0))
    wanted = log_x - 400 * math.log(255)
    torch.testing.assert_close(molecule.log_prob(x), wanted, atol=0.01, rtol=0)


def test_the_box_holds_all_molecules() -> None:
    truth = molecular.mueller_brown_truth(molecule.KT)
    (left, right), (low, high) = molecule.BOX

    def inside(c: Tensor) -> Tensor:
        x, y = c.unbind(dim=-1)
        return (x > left) & (x < right) & (y > low) & (y < high)

    assert 1 - truth.population(inside) < 1.1e-8


def test_no_photograph_costs_less_than_its_noise() -> None:
    """-log p lies between the noise's own cost, and that plus the coordinates'."""
    stored, c = molecule.photographs(400, generator=seeded(3))
    x = stored.double() / 255
    noise = torch.distributions.Normal(molecule.pictures(c.double()), molecule.NOISE)
    given = noise.log_prob(x).sum(dim=(1, 2)) - 400 * math.log(255)
    information, error = mean_and_error(given - molecule.log_prob(x))  # I(x; c), nats
    assert 3 + 4 * error < information < 12 - 4 * error


@pytest.mark.parametrize("function", [molecule.bent, molecule.log_prob])
def test_other_pictures_are_no_molecules(function) -> None:
    with pytest.raises(ValueError, match="no photographs of molecules"):
        function(torch.rand(5, 14, 14))
