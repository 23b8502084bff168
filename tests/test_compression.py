"""Compression: every symbol comes back, nothing is longer than it must be, and no file lies."""

import bz2
import dataclasses
import gzip
import hashlib
import io
import itertools
import json
import lzma
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from draws import seeded
from PIL import Image
from torch import Tensor, nn
from torch import distributions as td

from course_utils import datasets, training, vae
from course_utils.compression import (
    PRECISION,
    GaussianBins,
    Lanes,
    LatentModel,
    SizeTable,
    Table,
    Uniform,
    ans_pop,
    ans_push,
    baselines,
    bits_back_length,
    code_length,
    decode_contexts,
    encode_contexts,
    latent_model,
    negative_elbo_bits,
    pack,
    quantise,
    read_file,
    write_file,
)
from course_utils.compression import files as files_module
from course_utils.compression.bits_back import count_log_probs
from course_utils.compression.files import START
from course_utils.compression.lanes import bin_centres, bin_edges

F64 = torch.float64
HERE = Path(__file__).parent


def said_of_itself(path: Path) -> dict[str, Any]:
    """The header of a file."""
    data = path.read_bytes()
    _, _, length = START.unpack_from(data)
    return json.loads(data[START.size :][:length])


class TinyVAE(nn.Module):
    """A latent-variable model in ten lines, so that the coder is tested without the course's."""

    def __init__(self, d: int, k: int, levels: int, seed: int = 0) -> None:
        super().__init__()
        g = seeded(seed)
        self.scale = levels - 1
        self.encoder = nn.Sequential(nn.Linear(d, 24), nn.Tanh(), nn.Linear(24, 2 * k))
        self.decoder = nn.Sequential(nn.Linear(k, 24), nn.Tanh(), nn.Linear(24, d))
        for p in self.parameters():
            nn.init.normal_(p, 0, 0.4, generator=g)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.encoder(x / self.scale).chunk(2, -1)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)


def tiny_model(levels: int, d: int = 12, k: int = 3, seed: int = 0) -> LatentModel:
    return latent_model(TinyVAE(d, k, levels, seed), levels)


def some_images(levels: int, n: int = 50, d: int = 12) -> Tensor:
    return torch.randint(levels, (n, d), generator=seeded(3)).float()


# ---------------------------------------------------------------------- one step


def test_a_push_is_undone_by_a_pop_whatever_the_size_of_the_state() -> None:
    cumulative = [0, 1, 4, 4095, 4096]
    state = start = 3**500
    symbols = [0, 3, 1, 2, 2, 0, 1] * 30
    for s in symbols:
        low, high = cumulative[s : s + 2]
        state = ans_push(state, low, high - low, 12)
    found = []
    for _ in symbols:
        s, state = ans_pop(state, cumulative, 12)
        found.append(s)
    assert (state, found[::-1]) == (start, symbols)


def test_pushes_number_all_pairs_of_state_and_symbol_without_a_gap() -> None:
    """(state, symbol) -> state' is one to one and onto: nothing is wasted, nothing collides."""
    cumulative = [0, 5, 6, 8]
    pushed = {
        ans_push(state, low, high - low, 3)
        for low, high in itertools.pairwise(cumulative)
        for state in range(100 * (high - low))
    }
    assert pushed == set(range(800))


def test_a_push_costs_log2_of_one_over_the_probability() -> None:
    state = 2**300
    for freq in (1, 7, 1000, 1 << 16):
        grown = math.log2(ans_push(state, 0, freq, 16)) - math.log2(state)
        assert grown == pytest.approx(16 - math.log2(freq), abs=1e-9)


def test_ans_refuses_what_has_no_inverse() -> None:
    for start, freq in [(0, 0), (-1, 3), (6, 3), (0, 9)]:
        with pytest.raises(ValueError, match="must hold at least one of the 2\\^3 slots"):
            ans_push(5, start, freq, 3)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        ans_push(-1, 0, 1, 3)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        ans_pop(-1, [0, 8], 3)
    for wrong in ([0], [1, 8], [0, 7], []):
        with pytest.raises(ValueError, match="from 0 to 2\\^3 = 8"):
            ans_pop(5, wrong, 3)


# ---------------------------------------------------------------------- contexts


def test_contexts_come_back_and_cost_what_the_counts_say() -> None:
    """Against a count of our own: sum over contexts of Krichevsky and Trofimov's code length."""
    x = datasets.ledger_sprites((1, 1, 60)).test.reshape(60, 14, 14)
    message = encode_contexts(x)
    assert torch.equal(decode_contexts(message, (60, 14, 14)), x)
    padded = torch.nn.functional.pad(x, (2, 2, 2, 0)).long()
    around = [(-2, c) for c in (-1, 0, 1)] + [(-1, c) for c in range(-2, 3)] + [(0, -2), (0, -1)]
    shifted = [padded[:, 2 + r : 16 + r, 2 + c : 16 + c] for r, c in around]
    context = sum(s << bit for bit, s in enumerate(shifted)).flatten()
    bits, seen = 0.0, {}
    for c, pixel in zip(context.tolist(), x.long().flatten().tolist(), strict=True):
        counts = seen.setdefault(c, [0.5, 0.5])
        bits -= math.log2(counts[pixel] / sum(counts))
        counts[pixel] += 1
    # At most 2^-16 of a probability is lost for each pixel, and a word of 32 bits at the end.
    assert bits / 8 < len(message) < bits / 8 + 14


def test_contexts_of_white_pictures_cost_next_to_nothing_and_of_noise_all_of_it() -> None:
    assert len(encode_contexts(torch.zeros(50, 14, 14))) < 20
    noise = (torch.rand(50, 14, 14, generator=seeded()) < 0.5).float()
    assert len(encode_contexts(noise)) > 50 * 14 * 14 / 8


def test_damaged_contexts_are_refused() -> None:
    message = encode_contexts((torch.rand(9, 14, 14, generator=seeded()) < 0.2).float())
    for wrong in (message[:-4], message[:8] + b"\x01\x00\x00\x00" + message[12:]):
        with pytest.raises(ValueError, match="damaged"):
            decode_contexts(wrong, (9, 14, 14))
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        encode_contexts(torch.zeros(9, 196))
    with pytest.raises(ValueError, match="whole number from 0 to 1"):
        encode_contexts(torch.full((1, 14, 14), 0.5))


# ---------------------------------------------------------------------- whole numbers


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_quantised_probabilities_are_never_empty_and_cost_next_to_nothing(
    dtype: torch.dtype,
) -> None:
    g, a, precision = seeded(), 17, 12
    p = torch.rand(200, a, generator=g, dtype=dtype) ** 8
    p[0] = 0
    p[0, 3] = 1e-30  # all there is
    c = quantise(p, precision)
    freq = c.diff(dim=-1)
    assert c.dtype == torch.int64 and bool((c[:, 0] == 0).all())
    assert bool((c[:, -1] == 1 << precision).all()) and bool((freq >= 1).all())
    p = p.double() / p.double().sum(-1, keepdim=True)
    # One slot of rounding in float64 sums; the bound itself is arithmetic.
    assert bool((freq + 1e-6 >= ((1 << precision) - a) * p).all())
    assert bool((freq - 1 <= ((1 << precision) - a) * p + 1 + 1e-6).all())


def test_code_length_is_the_logarithm_of_the_slots() -> None:
    c = quantise(torch.tensor([[0.5, 0.5], [0.999, 0.001]], dtype=F64), 10)
    found = code_length(torch.tensor([0, 1]), c, 10)
    torch.testing.assert_close(found, torch.tensor([1.0, 10 - math.log2(3)], dtype=F64))


def test_quantise_refuses_what_is_no_distribution() -> None:
    for wrong in ([-0.1, 1.1], [0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0]):
        with pytest.raises(ValueError, match="finite, not negative"):
            quantise(torch.tensor(wrong), 8)
    with pytest.raises(ValueError, match="5 symbols do not fit into 2\\^2"):
        quantise(torch.ones(5), 2)
    with pytest.raises(ValueError, match="between 0 and 1"):
        code_length(torch.tensor([2]), quantise(torch.ones(1, 2), 8), 8)


# ---------------------------------------------------------------------- lanes


def random_table(n: int, a: int, seed: int) -> tuple[Table, np.ndarray]:
    """n alphabets, some with symbols of one slot, or of all but one; and a symbol of each."""
    g = seeded(seed)
    p = torch.rand(n, a, generator=g, dtype=F64) ** torch.randint(1, 40, (n, 1), generator=g)
    c = quantise(p, PRECISION)
    extreme = torch.arange(1, a) if a > 1 else torch.empty(0, dtype=torch.long)
    c[::3, 1:-1] = extreme  # freq 1, 1, ..., and the rest
    c[1::3, 1:-1] = (1 << PRECISION) - extreme.flip(0)  # the rest first
    symbols = torch.randint(a, (n,), generator=g)  # improbable ones as often as others
    return Table(c.numpy()), symbols.numpy().astype(np.uint64)


@pytest.mark.parametrize("lanes", [1, 7, 64])
def test_symbols_of_thousands_of_alphabets_come_back(lanes: int) -> None:
    message = Lanes.fresh(lanes, seed=5)
    before = message.heads.copy()
    parts = [random_table(701, a, seed=a) for a in (1, 2, 3, 17, 300)]
    for table, symbols in parts:
        message.push(table, symbols)
    for table, symbols in reversed(parts):
        assert np.array_equal(message.pop(table, len(symbols)), symbols)
    assert np.array_equal(message.heads, before) and message.words == []
    assert message.initial == lanes


def test_symbols_may_be_drawn_from_random_bits_and_put_back() -> None:
    """Bits back by itself: what lies below the bottom of the stack is found again."""
    table, _ = random_table(500, 20, seed=1)
    message = Lanes.fresh(3, seed=9)
    before = message.heads.copy()
    drawn = message.pop(table, 500)
    assert message.initial > 10  # 500 symbols cannot come out of three heads
    message.push(table, drawn)
    assert np.array_equal(message.heads, before)
    fresh = Lanes.fresh(message.initial, seed=9).heads[3:] & 0xFFFFFFFF
    assert message.words == fresh[::-1].tolist()


def test_one_lane_is_ans_push_until_the_head_is_full() -> None:
    table, symbols = random_table(1, 5, seed=4)
    message = Lanes.fresh(1, seed=0)
    state = int(message.heads[0])
    while True:
        start, end = table.cumulative[0, int(symbols[0]) :][:2].tolist()
        state = ans_push(state, start, end - start, PRECISION)
        if state >= 1 << 64:
            break
        message.push(table, symbols)
        assert int(message.heads[0]) == state and not message.words
    message.push(table, symbols)  # the head would overflow: 32 bits go to the stack first
    assert len(message.words) == 1
    assert ans_pop(int(message.heads[0]), table.cumulative[0].tolist(), PRECISION)[0] == symbols[0]


@pytest.mark.parametrize("p", [0.5, 0.9, 0.999])
def test_a_message_is_as_long_as_its_entropy(p: float) -> None:
    """Symbols in exact proportions, so that their entropy has no luck in it."""
    n = 40_000
    order = torch.randperm(n, generator=seeded()).numpy()  # in rows heads would run in circles
    symbols = (order >= p * n).astype(np.uint64)
    c = quantise(torch.tensor([p, 1 - p], dtype=F64), PRECISION).numpy()
    table = Table(np.broadcast_to(c, (n, 3)))
    message = Lanes.fresh(8, seed=0)
    before = message.bits()
    message.push(table, symbols)
    entropy = n * float(td.Bernoulli(torch.tensor(p, dtype=F64)).entropy()) / math.log(2)
    assert message.bits() - before == pytest.approx(entropy, rel=1e-3, abs=1)
    ideal = code_length(torch.from_numpy(symbols.astype(np.int64)), torch.from_numpy(c), PRECISION)
    assert message.bits() - before == pytest.approx(float(ideal.sum()), rel=1e-4, abs=1)


def test_uniform_symbols_cost_their_bits() -> None:
    message, code = Lanes.fresh(4, seed=0), Uniform(14)
    before = message.bits()
    symbols = np.arange(0, 1 << 14, 5, dtype=np.int64)  # int64 must do as well
    message.push(code, symbols)
    assert message.bits() - before == pytest.approx(14 * len(symbols), rel=1e-5)
    assert np.array_equal(message.pop(code, len(symbols)), symbols)


def test_a_message_that_ends_too_early_is_an_error() -> None:
    with pytest.raises(ValueError, match="no bits left"):
        Lanes(Lanes.fresh(2, seed=0).heads).pop(Uniform(14), 50)


def test_a_symbol_without_slots_is_an_error() -> None:
    with pytest.raises(ValueError, match="without slots"):
        Lanes.fresh(1, seed=0).push(GaussianBins([0.0], [1e-6], 8), np.array([3]))


# ---------------------------------------------------------------------- bins


@pytest.mark.parametrize("bits", [1, 6, 10])
def test_bins_have_equal_mass_under_the_prior(bits: int) -> None:
    edges, centres = torch.tensor(bin_edges(bits)), torch.tensor(bin_centres(bits))
    normal = td.Normal(torch.zeros((), dtype=F64), 1.0)
    mass = normal.cdf(edges.double()).diff()
    torch.testing.assert_close(mass, torch.full_like(mass, 2.0**-bits), rtol=1e-4, atol=0)
    middle = (torch.arange(1 << bits, dtype=F64) + 0.5) / (1 << bits)
    torch.testing.assert_close(normal.cdf(centres), middle, rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("mu", "sigma"), [(0.0, 1.0), (0.7, 0.1), (-3.0, 0.02), (30.0, 1e-3), (-1e9, 1e-9), (0, 1e9)]
)
def test_posterior_bins_hold_the_mass_of_the_gaussian(mu: float, sigma: float) -> None:
    bits = 8
    bins = GaussianBins([mu], [sigma], bits)
    start = torch.tensor([bins.start(0, s) for s in range((1 << bits) + 1)])
    freq = start.diff()
    assert start[0] == 0 and start[-1] == 1 << PRECISION and int(freq.min()) >= 0
    q = td.Normal(torch.tensor(mu, dtype=F64), torch.tensor(sigma, dtype=F64))
    mass = q.cdf(torch.tensor(bin_edges(bits), dtype=F64)).diff()
    # Two edges are rounded down: less than a slot off.
    assert float((freq - (1 << PRECISION) * mass).abs().max()) <= 1 + 1e-6
    boundary = min(max(int(start[100]), 1), (1 << PRECISION) - 1)
    for slot in (0, 1, boundary - 1, boundary, (1 << PRECISION) - 1):
        (s,) = bins.find(slice(0, 1), np.array([slot], np.uint64)).tolist()
        assert start[s] <= slot < start[s + 1]


@pytest.mark.parametrize("levels", [2, 17])
def test_counts_are_binomial_and_survive_extremes(levels: int) -> None:
    logits = torch.tensor([-1e4, -30.0, -2.0, 0.0, 1.5, 1e4], dtype=F64)
    found = count_log_probs(logits, levels)
    k = torch.arange(levels, dtype=F64)
    oracle = td.Binomial(levels - 1, logits=logits[:, None]).log_prob(k)
    torch.testing.assert_close(found[1:-1], oracle[1:-1], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found[0], found[-1].flip(0))
    assert found[0, 0] == 0 and bool(found.isfinite().all())


# ---------------------------------------------------------------------- bits back


def test_bits_back_length_is_minus_log_evidence_for_the_exact_posterior() -> None:
    """p(x|z) p(z) / p(z|x) = p(x) for every z."""
    log_p = torch.tensor([-3.0, -40.0, -0.5], dtype=F64)
    log_prior, log_posterior = -torch.rand(2, 3, generator=seeded(), dtype=F64)
    found = bits_back_length(log_p + log_posterior - log_prior, log_prior, log_posterior)
    torch.testing.assert_close(found, -log_p / math.log(2))
    with pytest.raises(ValueError, match="one shape"):
        bits_back_length(torch.zeros(3), torch.zeros(3), torch.zeros(1))


def test_negative_elbo_agrees_with_torch_distributions() -> None:
    model, x = tiny_model(5), some_images(5).double()
    found, error = negative_elbo_bits(x, model, samples=400, generator=seeded(1))
    mu, log_var = model.encode(x)
    q, prior = td.Normal(mu, (log_var / 2).exp()), td.Normal(torch.zeros(3, dtype=F64), 1.0)
    torch.manual_seed(2)
    z = q.sample((400,))
    log_p = td.Binomial(4, logits=model.decode(z)).log_prob(x).sum(-1).mean(0)
    oracle = -(log_p - td.kl_divergence(q, prior).sum(-1)).mean().item() / math.log(2)
    # Two estimates of about the same error, 4 of them apart: one false alarm in 16 000.
    assert 0 < error < 0.1
    assert found == pytest.approx(oracle, abs=4 * 2**0.5 * error)
    with pytest.raises(ValueError, match="at least 2"):
        negative_elbo_bits(x, model, samples=1, generator=seeded())


@pytest.mark.parametrize("levels", [2, 17])
@pytest.mark.parametrize(("n", "batch", "lanes"), [(1, 8, 8), (50, 8, 8), (21, 1, 1), (64, 64, 5)])
def test_files_come_back_pixel_by_pixel(
    tmp_path: Path, levels: int, n: int, batch: int, lanes: int
) -> None:
    model, images = tiny_model(levels), some_images(levels, n)
    path = tmp_path / "images.bb"
    report = write_file(path, images, model, generator=seeded(), batch=batch, lanes=lanes)
    found = read_file(path, model)
    assert found.dtype == images.dtype and torch.equal(found, images)
    assert report.file == path.stat().st_size
    said = said_of_itself(path)
    assert said["shape"] == [n, 12] and said["written_with"]["torch"] == torch.__version__
    assert report.payload == 8 * lanes + 4 * said["words"]
    assert report.initial == 4 * said["initial"] >= 4 * lanes


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.float16, F64])
def test_shape_and_dtype_come_back_too(tmp_path: Path, dtype: torch.dtype) -> None:
    images = some_images(2, 10).reshape(10, 3, 4).to(dtype)
    write_file(tmp_path / "x", images, tiny_model(2), generator=seeded())
    found = read_file(tmp_path / "x", tiny_model(2))
    assert found.dtype == dtype and torch.equal(found, images)


def test_the_number_of_threads_is_left_alone(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        write_file(tmp_path / "x", some_images(2), tiny_model(2), generator=seeded())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def coins_without_latents() -> LatentModel:
    """Pixels that know nothing of z, and q = prior: an image costs its entropy exactly."""
    return LatentModel(
        lambda x: (x.new_zeros(len(x), 2), x.new_zeros(len(x), 2)),
        lambda z: z.new_full((len(z), 100), math.log(0.2 / 0.8)),
        2,
        (),
        (),
    )


def test_an_image_of_known_entropy_costs_just_that(tmp_path: Path) -> None:
    """200 000 coins of 0.2 in exact proportions; the latents must cost nothing."""
    images = (torch.arange(200_000).reshape(2000, 100) % 5 == 0).float()
    model = coins_without_latents()
    report = write_file(tmp_path / "x", images, model, generator=seeded())
    entropy = 100 * float(td.Bernoulli(torch.tensor(0.2, dtype=F64)).entropy()) / math.log(2)
    # Each head of 8 bytes was one random word, has a log2 of 48 on average, and 40 to 64 mostly.
    heads = 16 * 8 * 2 / 2000  # bits per image
    assert report.bits_per_image == pytest.approx(entropy + heads, abs=heads)


@pytest.fixture(scope="module")
def trained() -> dict[str, tuple[LatentModel, Tensor]]:
    """The course's own VAE on binary sprites and on digits as counts, a few seconds of training."""
    sprites, digits = datasets.ledger_sprites((4000, 1, 1000)), datasets.digits()
    cases = {
        "sprites": (sprites.train, sprites.test, vae.Bernoulli(), 2, 1.0),
        "digits": (digits.train.flatten(1), digits.train.flatten(1), vae.Binomial(16), 17, 16.0),
    }
    models = {}
    for name, (train, test, likelihood, levels, scale) in cases.items():
        g = torch.manual_seed(0)
        model = vae.mlp_vae(
            train.shape[1], 6, hidden=(64,), likelihood=likelihood, scale=scale, generator=g
        )
        training.fit(model, vae.loss(g), train, steps=300, lr=3e-3, generator=g)
        models[name] = (latent_model(model, levels), test)
    return models


def quantised_elbo_bits(images: Tensor, model: LatentModel) -> tuple[float, float]:
    """The negative ELBO with no pixel dearer than PRECISION bits, from 8 draws, and its error."""
    mu, log_var = model.encode(images.double())
    q, g, bits = td.Normal(mu, (log_var / 2).exp()), seeded(3), []
    for _ in range(8):
        z = mu + q.scale * torch.randn(mu.shape, generator=g, dtype=F64)
        probs = count_log_probs(model.decode(z), model.levels).exp()
        pixels = code_length(images, quantise(probs, PRECISION), PRECISION).sum(-1)
        rate = (q.log_prob(z) - td.Normal(0.0, 1.0).log_prob(z)).sum(-1) / math.log(2)
        bits.append((pixels + rate).detach())
    bits = torch.stack(bits)  # (S, N)
    return float(bits.mean()), float((bits.var(0).mean() / bits.numel()).sqrt())


@pytest.mark.parametrize("name", ["sprites", "digits"])
def test_the_size_is_the_negative_elbo(
    tmp_path: Path, trained: dict[str, tuple[LatentModel, Tensor]], name: str
) -> None:
    model, images = trained[name]
    report = write_file(tmp_path / "x", images, model, generator=seeded(1))
    assert torch.equal(read_file(tmp_path / "x", model), images)
    elbo, _ = negative_elbo_bits(images, model, generator=seeded(2))
    assert report.bits_per_image == pytest.approx(elbo, rel=0.01)
    # Sharper: the same average with the whole numbers that code a pixel. The file is one draw per
    # image; 4 standard errors are one false alarm in 16 000. The heads add 0 to 4 bytes each.
    expected, error = quantised_elbo_bits(images, model)
    heads = 16 * 8 * 2 / len(images)
    slack = heads + 4 * error * (1 + 8**0.5)  # of 8 draws and of 1
    assert report.bits_per_image == pytest.approx(expected + heads, abs=slack)
    assert report.initial < 0.05 * report.payload
    assert report.net == report.payload - report.initial
    assert report.decoder_weights == 4 * sum(w.numel() for w in model.decoder_weights)
    assert report.encoder_weights == 4 * sum(w.numel() for w in model.encoder_weights)


def test_weights_are_counted_in_their_own_precision(tmp_path: Path) -> None:
    module = TinyVAE(12, 3, 2)
    report = write_file(tmp_path / "x", some_images(2), latent_model(module, 2), generator=seeded())
    assert report.encoder_weights == 4 * (12 * 24 + 24 + 24 * 6 + 6)
    assert report.decoder_weights == 4 * (3 * 24 + 24 + 24 * 12 + 12)
    assert next(module.parameters()).dtype == torch.float32  # a copy was made


# ---------------------------------------------------------------------- another process

READER = """
import sys, torch
sys.path.insert(0, sys.argv[1])
from test_compression import TinyVAE, latent_model, read_file, write_file
folder = sys.argv[2]
module = TinyVAE(12, 3, 17, seed=99)
module.load_state_dict(torch.load(folder + "/model.pt"))
model = latent_model(module, 17)
images = read_file(folder + "/images.bb", model)
torch.save(images, folder + "/images.pt")
write_file(folder + "/again.bb", images, model, generator=torch.Generator().manual_seed(0))
"""


def test_a_file_is_read_and_written_alike_in_a_new_process(tmp_path: Path) -> None:
    module, images = TinyVAE(12, 3, 17), some_images(17, 100)
    torch.save(module.state_dict(), tmp_path / "model.pt")
    write_file(tmp_path / "images.bb", images, latent_model(module, 17), generator=seeded())
    words = [sys.executable, "-c", READER, str(HERE), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=HERE.parent)
    assert done.returncode == 0, done.stderr
    assert torch.equal(torch.load(tmp_path / "images.pt"), images)
    assert (tmp_path / "again.bb").read_bytes() == (tmp_path / "images.bb").read_bytes()


# ---------------------------------------------------------------------- no file lies


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "images.bb"
    write_file(path, some_images(2), tiny_model(2), generator=seeded())
    return path


def test_every_damaged_byte_is_noticed(written: Path) -> None:
    data = written.read_bytes()
    for i in range(0, len(data), 7):
        written.write_bytes(data[:i] + bytes([data[i] ^ 0x10]) + data[i + 1 :])
        with pytest.raises(ValueError, match=r"damaged|not a file of bits-back"):
            read_file(written, tiny_model(2))


def test_every_cut_is_noticed(written: Path) -> None:
    data = written.read_bytes()
    for length in [*range(0, 60), *range(60, len(data), 37), len(data) - 1]:
        written.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"cut off|not a file of bits-back"):
            read_file(written, tiny_model(2))
    written.write_bytes(data + b"more")
    with pytest.raises(ValueError, match="damaged or cut off"):
        read_file(written, tiny_model(2))


def resign(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change a file and put a checksum under it that agrees."""
    data = change(path.read_bytes()[:-32])
    path.write_bytes(data + hashlib.sha256(data).digest())


def change_header(path: Path, **fields: object) -> None:
    def change(data: bytes) -> bytes:
        magic, version, length = START.unpack_from(data)
        header = json.loads(data[START.size :][:length]) | fields
        text = json.dumps(header).encode()
        return START.pack(magic, version, len(text)) + text + data[START.size + length :]

    resign(path, change)


def test_a_file_of_another_kind_or_version_is_named(written: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(b"\x89PNG and so on" * 20)
    with pytest.raises(ValueError, match=r"other\.png is not a file of bits-back coded images"):
        read_file(other, tiny_model(2))
    resign(written, lambda data: data[:8] + b"\x02" + data[9:])
    with pytest.raises(ValueError, match="version 2 of the format"):
        read_file(written, tiny_model(2))


@pytest.mark.parametrize("fields", [{"new": 1}, {"words": "many"}, {"words": 10**9}, {"lanes": -3}])
def test_a_header_of_another_program_is_an_error(written: Path, fields: dict) -> None:
    change_header(written, **fields)
    with pytest.raises(ValueError, match="header that"):
        read_file(written, tiny_model(2))


def test_a_header_that_does_not_fit_the_payload_is_an_error(written: Path) -> None:
    change_header(written, words=said_of_itself(written)["words"] - 1)
    with pytest.raises(ValueError, match="does not fit"):
        read_file(written, tiny_model(2))


def test_another_model_is_refused(written: Path) -> None:
    module = TinyVAE(12, 3, 2)
    with torch.no_grad():
        module.decoder[0].bias[0] += 1e-6
    for wrong in (latent_model(module, 2), tiny_model(2, seed=1), tiny_model(3)):
        with pytest.raises(ValueError, match="another model"):
            read_file(written, wrong)


def test_the_same_weights_in_other_functions_do_not_pass(written: Path) -> None:
    model = tiny_model(2)
    wrong = [
        dataclasses.replace(model, decode=lambda z: model.decode(z) + 1e-3),
        dataclasses.replace(model, decode=lambda z: -model.decode(z)),
        dataclasses.replace(model, encode=lambda x: tuple(a + 1e-3 for a in model.encode(x))),
    ]
    for other in wrong:
        with pytest.raises(ValueError, match="other images come out"):
            read_file(written, other)


def test_an_encoder_that_differs_in_the_first_image_alone_is_noticed(tmp_path: Path) -> None:
    """All images come out right; only the initial bits do not."""
    model, images = tiny_model(2), some_images(2, 1)
    write_file(tmp_path / "x", images, model, generator=seeded())
    other = dataclasses.replace(model, encode=lambda x: tuple(a + 1e-3 for a in model.encode(x)))
    with pytest.raises(ValueError, match="other images come out"):
        read_file(tmp_path / "x", other)


def test_images_that_are_not_those_written_are_noticed(written: Path) -> None:
    change_header(written, images="0" * 64)
    with pytest.raises(ValueError, match="other images come out"):
        read_file(written, tiny_model(2))


def test_bits_that_nobody_coded_are_noticed(written: Path) -> None:
    """A word more at the bottom of the stack changes no image."""
    said = said_of_itself(written)
    change_header(written, words=said["words"] + 1)
    after = 4 * said["words"]
    resign(written, lambda data: data[: len(data) - after] + b"\0" * 4 + data[len(data) - after :])
    with pytest.raises(ValueError, match="other images come out"):
        read_file(written, tiny_model(2))


def test_a_file_from_elsewhere_needs_force(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = files_module.environment()
    elsewhere = here | {"torch": "1.0", "machine": "abacus"}
    monkeypatch.setattr(files_module, "environment", lambda: elsewhere)
    with pytest.raises(ValueError, match=r"machine .* \(here abacus\), torch .* \(here 1\.0\)"):
        read_file(written, tiny_model(2))
    assert torch.equal(read_file(written, tiny_model(2), force=True), some_images(2))


# ---------------------------------------------------------------------- what cannot be coded


@pytest.mark.parametrize("value", [2.0, -1.0, 0.5, math.nan, math.inf])
def test_pixels_that_are_not_levels_are_refused(tmp_path: Path, value: float) -> None:
    images = some_images(2)
    images[7, 3] = value
    for use in (
        lambda: write_file(tmp_path / "x", images, tiny_model(2), generator=seeded()),
        lambda: negative_elbo_bits(images, tiny_model(2), generator=seeded()),
        lambda: pack(images, 2),
        lambda: baselines(images, 2),
    ):
        with pytest.raises(ValueError, match="whole number from 0 to 1"):
            use()
    assert not (tmp_path / "x").exists()


def test_images_and_settings_without_sense_are_refused(tmp_path: Path) -> None:
    def write(images: Tensor, model: LatentModel | None = None, **settings: int) -> None:
        write_file(tmp_path / "x", images, model or tiny_model(2), generator=seeded(), **settings)

    for wrong in (torch.zeros(12), torch.zeros(0, 12)):
        with pytest.raises(ValueError, match="at least one"):
            write(wrong)
    with pytest.raises(ValueError, match="complex64 cannot be written"):
        write(some_images(2).to(torch.complex64))
    for settings in ({"bits": 0}, {"bits": 21}, {"batch": 0}, {"lanes": 0}):
        with pytest.raises(ValueError, match="must lie between 1 and"):
            write(some_images(2), **settings)
    with pytest.raises(ValueError, match="levels must lie between"):
        tiny_model(1)
    with pytest.raises(ValueError, match=r"lacks \['encode', 'decode', 'decoder'\]"):
        latent_model(nn.Linear(2, 2), 2)


def test_a_model_whose_answers_do_not_fit_is_refused(tmp_path: Path) -> None:
    good = tiny_model(2)
    dropout = nn.Dropout(0.5)
    wrong = {
        "encode must return": {"encode": lambda x: (good.encode(x)[0], good.encode(x)[1][:, :1])},
        "encode returned NaN": {"encode": lambda x: (good.encode(x)[0] * math.nan,) * 2},
        "log_var outside": {"encode": lambda x: (good.encode(x)[0], good.encode(x)[1] + 1e4)},
        "float32": {"decode": lambda z: good.decode(z).float()},
        r"decode must return \(8, 12\)": {"decode": lambda z: good.decode(z)[:, :5]},
        "decode returned NaN": {"decode": lambda z: good.decode(z) / 0},
        "evaluation mode": {"decode": lambda z: dropout(good.decode(z))},
    }
    for sentence, change in wrong.items():
        with pytest.raises(ValueError, match=sentence):
            write_file(
                tmp_path / "x",
                some_images(2),
                dataclasses.replace(good, **change),
                generator=seeded(),
            )


def test_a_module_in_training_mode_is_coded_in_evaluation_mode(tmp_path: Path) -> None:
    module = TinyVAE(12, 3, 2)
    module.decoder.append(nn.Dropout(0.5))
    model = latent_model(module.train(), 2)
    write_file(tmp_path / "x", some_images(2), model, generator=seeded())
    assert torch.equal(read_file(tmp_path / "x", model), some_images(2))
    assert module.training


# ---------------------------------------------------------------------- baselines


@pytest.mark.parametrize("levels", [2, 5, 17])
def test_packed_pixels_take_as_few_bits_as_the_levels_need(levels: int) -> None:
    images = some_images(levels, n=7)
    bits = math.ceil(math.log2(levels))
    data = pack(images, levels)
    assert len(data) == math.ceil(7 * 12 * bits / 8)
    unpacked = np.unpackbits(np.frombuffer(data, np.uint8))[: 84 * bits].reshape(84, bits)
    values = unpacked @ (1 << np.arange(bits)[::-1])
    assert values.tolist() == images.ravel().tolist()


@pytest.mark.parametrize("levels", [2, 17])
def test_baselines_are_the_sizes_of_real_files(levels: int) -> None:
    images = (some_images(levels, n=300, d=16) * (torch.arange(16) % 3 == 0)).reshape(300, 4, 4)
    packed = pack(images, levels)
    raw = images.to(torch.uint8).numpy().tobytes()
    found = baselines(images, levels)
    assert set(found) == {"packed", "gzip", "bz2", "lzma", "PNG"}
    assert found["packed"] == len(packed)
    assert found["gzip"] == min(len(gzip.compress(d, 9, mtime=0)) for d in (packed, raw))
    assert found["bz2"] == min(len(bz2.compress(d)) for d in (packed, raw))
    strongest = 9 | lzma.PRESET_EXTREME
    assert found["lzma"] == min(len(lzma.compress(d, preset=strongest)) for d in (packed, raw))
    assert found == baselines(images.flatten(1), levels)
    with pytest.raises(ValueError, match="300 levels need more"):
        baselines(images, 300)


@pytest.mark.parametrize("levels", [2, 17])
def test_the_png_holds_the_pixels(levels: int) -> None:
    from course_utils.compression.baselines import png

    picture = some_images(levels, n=9).numpy().astype(np.uint64)
    image = Image.open(io.BytesIO(png(picture, levels)))
    assert image.mode == ("1" if levels == 2 else "L")
    assert np.array_equal(np.asarray(image).astype(np.uint64), picture)


def test_the_table_shows_bytes_per_image_and_bits_per_pixel() -> None:
    table = SizeTable(images=200, pixels=10)
    table.add("gzip", 1000)
    table.add_nats("entropy", 8 * math.log(2))
    assert table.cells() == [
        ("gzip", "1,000", "5.00", "4.0000"),
        ("entropy", "200", "1.00", "0.8000"),
    ]
    assert "entropy" in repr(table) and "<td" in table._repr_html_()
