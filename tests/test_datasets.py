"""Data sets: parts that do not overlap, seeds that reproduce, exact truths, and a strict MNIST."""

import contextlib
import gzip
import hashlib
import math
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from course_utils import datasets
from course_utils.datasets import Splits, handwritten, overlap, split, streams
from course_utils.simulators import collider, cosmology, molecular, sprites

POWER = cosmology.lecture_power(32)
SIZES = (60, 20, 30)
# name: (a call, the shape of one sample)
SIMULATED: dict[str, tuple[Callable[..., Splits], tuple[int, ...]]] = {
    "collider_angles": (datasets.collider_angles, ()),
    "jet_images": (datasets.jet_images, (14, 14)),
    "density_fields": (datasets.density_fields, (16, 16)),
    "mueller_brown": (datasets.mueller_brown, (2,)),
    "soft_sprites": (datasets.soft_sprites, (14, 14)),
    "ledger_sprites": (datasets.ledger_sprites, (196,)),
}
ALL = {**SIMULATED, "digits": (datasets.digits, (8, 8))}


def parts(data: Splits) -> tuple[Tensor, Tensor, Tensor]:
    return data.train, data.validation, data.test


# ---------------------------------------------------------------------- keeping the parts apart


def test_streams_differ_for_every_seed() -> None:
    """Their seeds differ in the last two bits, whatever the hash gave: no luck is involved."""
    for seed in [*range(2000), 2**31, 2**64 + 1, 10**30]:
        seeds = [g.initial_seed() for g in streams(seed)]
        assert [s % 4 for s in seeds] == [0, 1, 2]
        # PyTorch's generator on the CPU looks at 32 bits of a seed, and these are all there is.
        assert max(seeds) < 2**32


def test_pytorch_looks_at_32_bits_of_a_seed() -> None:
    """Why `streams` uses no more: seeds that differ only above would give equal numbers."""
    low, high = (torch.Generator().manual_seed(s) for s in (5, 5 + 2**32))
    assert torch.equal(torch.rand(9, generator=low), torch.rand(9, generator=high))


def test_streams_share_no_number() -> None:
    """10,000 float64 numbers each of 8 streams: equal ones have probability 3e9 / 2^53 = 3e-7."""
    plain = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    generators = [*streams(0), *streams(1), *plain]
    numbers = [torch.rand(10_000, generator=g, dtype=torch.float64) for g in generators]
    for first, second in combinations(numbers, 2):
        assert overlap(first, second) == 0
    # Nor are they shifted or mirrored copies: no correlation at any of 560,000 lags exceeds 6
    # standard deviations of 1 / sqrt(10,000), which has a false-alarm rate of 1e-3 in all.
    spectra = [torch.fft.rfft(u - u.mean()) for u in numbers]
    for first, second in combinations(spectra, 2):
        for other in (second, second.conj()):
            lagged = torch.fft.irfft(first * other, n=10_000) / (10_000 / 12)
            assert lagged.abs().max() < 6 / math.sqrt(10_000)


@pytest.mark.parametrize("seed", (-1, 0.5, "a", None))
def test_a_bad_seed_is_named(seed: object) -> None:
    with pytest.raises(ValueError, match="seed must be a whole number"):
        streams(seed)


def test_overlap_counts_samples_that_are_equal() -> None:
    a = torch.tensor([[0.0, 1.0], [2.0, 3.0], [2.0, 3.0]])
    b = torch.tensor([[2.0, 3.0], [3.0, 2.0], [-0.0, 1.0], [0.0, 1.0 + 2**-23], [2.0, 3.0]])
    assert overlap(a, b) == 3  # minus zero is zero, and the next number is another
    assert overlap(b, a) == 3
    with pytest.raises(ValueError, match="one shape and dtype"):
        overlap(a, b.double())
    with pytest.raises(ValueError, match="one shape and dtype"):
        overlap(a, b[:, :1])


# ---------------------------------------------------------------------- every data set


@pytest.mark.parametrize("name", ALL)
def test_sizes_shape_and_dtype_are_as_asked(name: str) -> None:
    call, shape = ALL[name]
    data = call(SIZES)
    assert [tuple(x.shape) for x in parts(data)] == [(n, *shape) for n in SIZES]
    assert {x.dtype for x in parts(data)} == {torch.float32}
    assert all(bool(torch.isfinite(x).all()) and x.is_contiguous() for x in parts(data))
    assert data.description.endswith(".") and data.description in repr(data)
    assert f"train {(60, *shape)}, validation {(20, *shape)}, test {(30, *shape)}" in repr(data)


@pytest.mark.parametrize("name", sorted(ALL))
def test_float64_is_honoured(name: str) -> None:
    call, _ = ALL[name]
    data = call((20, 2, 2), dtype=torch.float64)
    assert {x.dtype for x in parts(data)} == {torch.float64}
    if name not in ("digits", "ledger_sprites"):  # these are whole numbers
        assert not torch.equal(data.train, data.train.float().double())


@pytest.mark.parametrize("name", ALL)
def test_a_seed_names_a_data_set(name: str) -> None:
    call, _ = ALL[name]
    first = call(SIZES, seed=3)
    torch.rand(7)  # the global generator has no say
    again, other = call(SIZES, seed=3), call(SIZES, seed=4)
    for x, same, different in zip(parts(first), parts(again), parts(other), strict=True):
        assert torch.equal(x, same)
        assert not torch.equal(x, different)


@pytest.mark.parametrize("name", SIMULATED)
def test_a_part_does_not_depend_on_the_size_of_the_others(name: str) -> None:
    """Each has a stream of its own: more training data leaves the test as it was."""
    call, _ = SIMULATED[name]
    few, many = call((10, 5, 20)), call((40, 25, 20))
    assert torch.equal(few.test, many.test)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("sizes", ((10, 5), (10, 0, 5), (10.0, 5, 5), 10, (10, -1, 5)))
def test_bad_sizes_are_named(name: str, sizes: object) -> None:
    call, _ = ALL[name]
    with pytest.raises(ValueError, match="sizes must be three positive whole numbers"):
        call(sizes)


@pytest.mark.parametrize("name", ("density_fields", "mueller_brown", "soft_sprites"))
def test_parts_of_continuous_data_share_no_sample(name: str) -> None:
    """Two float32 numbers or more a sample: equal ones have probability below 1e-6 each."""
    call, _ = SIMULATED[name]
    data = call((300, 200, 200))
    for x in parts(data):
        assert len({sample.numpy().tobytes() for sample in x}) == len(x)
    for first, second in combinations(parts(data), 2):
        assert overlap(first, second) == 0


def test_angles_share_no_number() -> None:
    """In float64; at 5e8 pairs, equal ones have probability 1e-7."""
    data = datasets.collider_angles((20_000, 10_000, 10_000), dtype=torch.float64)
    for first, second in combinations(parts(data), 2):
        assert overlap(first, second) == 0


def test_jets_share_no_image_that_has_a_second_cell() -> None:
    """A jet without radiation outside the central cell is one picture: all others differ."""
    data = datasets.jet_images((2000, 1000, 1000))
    rich = [x[(x > 0).flatten(1).sum(1) > 1] for x in parts(data)]
    assert all(len(r) > 0.98 * len(x) for r, x in zip(rich, parts(data), strict=True))
    for first, second in combinations(rich, 2):
        assert overlap(first, second) == 0


def test_equal_ledger_sprites_are_as_frequent_as_chance_says() -> None:
    """Independent draws: the expected number of test images in train is N <p(x)> over test.

    Pairs that are equal, not images, are counted, so that the expectation is exact. The number is
    close to Poisson: 5 standard deviations have a false-alarm rate of about 1e-5.
    """
    data = datasets.ledger_sprites((20_000, 2_000, 20_000))
    for first, second in combinations(parts(data), 2):
        expected = len(first) * float(data.truth.log_prob(second.double()).exp().sum())
        counts: dict[bytes, int] = {}
        for sample in first.numpy():
            counts[sample.tobytes()] = counts.get(sample.tobytes(), 0) + 1
        found = sum(counts.get(sample.tobytes(), 0) for sample in second.numpy())
        assert expected > 30
        assert abs(found - expected) < 5 * math.sqrt(expected)


# ---------------------------------------------------------------------- what the numbers are


def test_angles_have_the_asymmetry_asked_for() -> None:
    """<c> = 2/3 A_FB; 4.5 standard errors, false-alarm rate 1e-5 in all."""
    data = datasets.collider_angles((50_000, 10_000, 10_000), a_fb=-0.3)
    for c in parts(data):
        assert abs(float(c.mean()) + 0.2) < 4.5 * float(c.std()) / math.sqrt(len(c))
    with pytest.raises(ValueError, match="a_fb"):
        datasets.collider_angles(SIZES, a_fb=0.9)


def test_jets_come_with_their_prongs() -> None:
    """The labels belong to the images: one-prong jets are the narrow ones, in every part."""
    data = datasets.jet_images((1000, 500, 500))
    for x, prongs in zip(parts(data), data.labels, strict=True):
        assert x.min() >= 0
        torch.testing.assert_close(x.sum((1, 2)), torch.ones(len(x)))
        assert set(prongs.tolist()) == {1, 2}
        # A fair coin: 5 standard deviations, 1e-6.
        assert abs(float((prongs == 1).float().mean()) - 0.5) < 2.5 / math.sqrt(len(x))
        width = collider.jet_width(collider.jets_from_images(x))
        assert width[prongs == 1].median() < 0.5 * width[prongs == 2].median()


def test_jet_settings_reach_the_shower() -> None:
    quiet = collider.ShowerSettings(alpha=1e-6)
    data = datasets.jet_images(SIZES, 8, quiet)
    assert data.train.shape == (60, 8, 8)
    cells = (data.train > 0).flatten(1).sum(1)
    assert torch.equal(
        cells[data.labels.train == 1], torch.ones(int((data.labels.train == 1).sum()))
    )


def test_density_fields_are_overdensities_today() -> None:
    data = datasets.density_fields((150, 150, 150))
    for x in parts(data):
        assert x.min() >= -1
        torch.testing.assert_close(x.mean((1, 2)), torch.zeros(150), atol=1e-5, rtol=0)
        # Gravity makes voids and knots: more is rare and high than is rare and low.
        skewness = float(x.pow(3).mean() / x.square().mean() ** 1.5)
        assert skewness > 1.5
    assert datasets.density_fields(SIZES, size=7).train.shape == (60, 7, 7)  # odd sides too


def test_ten_steps_are_enough_for_density_fields() -> None:
    """Power within 2 % of that with four times the steps, mode by mode, from the same seed."""
    few, many = (datasets.density_fields((100, 1, 1), **s).train for s in ({}, {"steps": 40}))
    ratio = cosmology.power_spectrum(few).power.mean(0) / cosmology.power_spectrum(many).power.mean(
        0
    )
    assert (ratio - 1).abs().max() < 0.02


def test_mueller_brown_points_follow_their_truth() -> None:
    """Mean -log p(x) is the exact entropy, 4.5 standard errors: false-alarm rate 2e-5 in all."""
    data = datasets.mueller_brown((3000, 2000, 3000), kT=15.0)
    assert data.truth.kT == 15.0
    for x in parts(data):
        nll = -data.truth.log_prob(x.double())
        assert abs(float(nll.mean()) - data.truth.entropy) < 4.5 * float(nll.std()) / math.sqrt(
            len(x)
        )


def test_sprites_come_with_their_causes() -> None:
    data = datasets.soft_sprites(SIZES, 16, vary=("scale", "x"), fixed={"shape": "square"}, seed=2)
    assert data.train.shape == (60, 16, 16)
    assert "scale, x" in data.description
    for x, factors in zip(parts(data), data.factors, strict=True):
        assert torch.equal(sprites.render(factors, 16), x)
        assert set(factors.shape.tolist()) == {0} and factors.y.unique().tolist() == [0.0]
        assert factors.scale.std() > 0.03 and factors.x.std() > 0.1


def test_ledger_sprites_come_with_the_exact_world() -> None:
    """Mean -log p(x) against the entropy by another generator, 5 combined standard errors."""
    data = datasets.ledger_sprites((2000, 500, 2000), size=8, flip=0.05)
    assert data.truth.flip == 0.05 and data.train.shape == (2000, 64)
    entropy, error = data.truth.entropy(generator=torch.Generator().manual_seed(99))
    for x in parts(data):
        assert set(x.unique().tolist()) == {0.0, 1.0}
        nll = -data.truth.log_prob(x.double())
        assert abs(float(nll.mean()) - entropy) < 5 * math.hypot(
            float(nll.std()) / len(x) ** 0.5, error
        )


def test_digits_are_the_stored_ones_each_once() -> None:
    from sklearn.datasets import load_digits

    data = datasets.digits()
    everything = torch.cat(parts(data))
    assert everything.shape == (1797, 8, 8)
    assert torch.equal(everything, everything.round())
    assert everything.min() == 0 and everything.max() == 16
    for first, second in combinations(parts(data), 2):
        assert overlap(first, second) == 0
    stored = load_digits()
    label_of = {
        image.astype(np.float32).tobytes(): int(label)
        for image, label in zip(stored.images, stored.target, strict=True)
    }
    assert len(label_of) == 1797
    for x, labels in zip(parts(data), data.labels, strict=True):
        assert [label_of[sample.numpy().tobytes()] for sample in x] == labels.tolist()
        assert set(labels.tolist()) == set(range(10))


def test_more_digits_than_there_are() -> None:
    with pytest.raises(ValueError, match="There are 1797 digits"):
        datasets.digits((1500, 200, 200))


def test_importing_data_sets_is_light() -> None:
    """scikit-learn costs a second, Pillow and the network's modules are for those who need them."""
    words = (
        "import sys, course_utils.datasets; print('sklearn' in sys.modules, 'PIL' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr


# ---------------------------------------------------------------------- split


def test_split_shares_out_everything_once() -> None:
    x = torch.arange(300.0).reshape(100, 3)  # (300,) -> (100, 3)
    labels = torch.arange(100)
    data = split(x, labels, validation=0.2, test=0.1, seed=1)
    assert [len(part) for part in parts(data)] == [70, 20, 10]
    for part, part_labels in zip(parts(data), data.labels, strict=True):
        assert torch.equal(part, x[part_labels])
    assert torch.equal(torch.cat(data.labels).sort().values, labels)
    assert not torch.equal(torch.cat(data.labels), labels)
    assert torch.equal(split(x, seed=1, validation=0.2).train, data.train)
    assert not torch.equal(split(x, seed=2, validation=0.2).train, data.train)


def test_split_keeps_repeated_samples_once() -> None:
    x = torch.rand(100, 4, generator=torch.Generator().manual_seed(0))
    doubled, labels = x.repeat_interleave(2, dim=0), torch.arange(200)
    data = split(doubled, labels)
    assert [len(part) for part in parts(data)] == [80, 10, 10]
    assert "100 samples" in data.description and "100 repeated ones left out" in data.description
    for first, second in combinations(parts(data), 2):
        assert overlap(first, second) == 0
    assert torch.equal(doubled[data.labels.test], data.test)
    assert torch.equal(torch.cat(data.labels).sort().values, labels[::2])  # the first of each
    kept = split(doubled, keep_repeats=True)
    assert [len(part) for part in parts(kept)] == [160, 20, 20]
    assert overlap(kept.train, kept.test) > 10


@pytest.mark.parametrize("bad", ({"test": 0.0}, {"validation": 0.95}, {"validation": -0.2}))
def test_split_leaves_no_part_empty(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="none may be empty"):
        split(torch.arange(50.0), **bad)


def test_split_names_labels_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"labels must have shape \(50,\), got \(49,\)"):
        split(torch.arange(50.0), torch.arange(49))


# ---------------------------------------------------------------------- MNIST, from a tiny server

NAMES = tuple(handwritten.MNIST_FILES)


def idx(values: np.ndarray) -> bytes:
    lengths = b"".join(n.to_bytes(4, "big") for n in values.shape)
    return bytes([0, 0, 8, values.ndim]) + lengths + values.astype(np.uint8).tobytes()


def made_up_files() -> dict[str, bytes]:
    """Sixty and twenty 5 x 4 images whose first pixel is their number, and labels."""
    files = []
    for n, start in ((60, 0), (20, 100)):
        images = (np.arange(n)[:, None, None] + start + 2 * np.arange(20).reshape(5, 4)) % 256
        files += [idx(images), idx((np.arange(n) + start) % 10)]
    return {name: gzip.compress(f, mtime=0) for name, f in zip(NAMES, files, strict=True)}


class Mirror:
    """A web server on this machine that counts what it is asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.asked = files, []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                mirror.asked.append(name)
                content = mirror.files.get(name)
                self.send_response(200 if content is not None else 404)
                self.end_headers()
                # The other end may hang up on an answer that is too long.
                with contextlib.suppress(OSError):
                    self.wfile.write(content or b"no such file")

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/mnist/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    files = made_up_files()
    server = Mirror(files)
    known = {name: (len(f), hashlib.sha256(f).hexdigest()) for name, f in files.items()}
    monkeypatch.setattr(handwritten, "MNIST_FILES", known)
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (server.url,))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_mnist_is_fetched_once_and_split(mirror: Mirror, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cache"
    data = datasets.mnist(folder, download=True, validation=10)
    assert [tuple(x.shape) for x in parts(data)] == [(50, 5, 4), (10, 5, 4), (20, 5, 4)]
    assert mirror.asked == list(NAMES)
    assert sorted(p.name for p in folder.iterdir()) == sorted(NAMES)
    for x, labels in zip(parts(data), data.labels, strict=True):
        assert x.dtype == torch.float32 and labels.dtype == torch.int64
        number = (x[:, 0, 0] * 255).round().long()
        assert torch.equal(number % 10, labels)  # images and labels belong together
        torch.testing.assert_close(x[:, 1, 2] * 255, (number + 12).float())
    assert torch.cat([data.train, data.validation])[:, 0, 0].unique().numel() == 60
    assert overlap(data.train, data.validation) == 0

    again = datasets.mnist(folder, validation=10)  # from the folder alone
    assert mirror.asked == list(NAMES)
    assert all(torch.equal(a, b) for a, b in zip(parts(data), parts(again), strict=True))
    other = datasets.mnist(folder, validation=10, seed=1, dtype=torch.float64)
    assert not torch.equal(other.train, data.train.double())
    torch.testing.assert_close(other.test.float(), data.test)


def test_mnist_does_not_use_the_network_unasked(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not on this machine.*download=True.*digits\(\)"):
        datasets.mnist(tmp_path / "cache")
    assert mirror.asked == [] and not (tmp_path / "cache").exists()


def test_a_damaged_file_is_named_and_replaced(mirror: Mirror, tmp_path: Path) -> None:
    datasets.mnist(tmp_path, download=True, validation=10)
    victim = tmp_path / NAMES[2]
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    for broken in (bytes(content), victim.read_bytes()[:-1], b""):
        victim.write_bytes(broken)
        with pytest.raises(ValueError, match=f"damaged, .*{NAMES[2]}"):
            datasets.mnist(tmp_path, validation=10)
        mirror.asked.clear()
        datasets.mnist(tmp_path, download=True, validation=10)
        assert mirror.asked == [NAMES[2]]


@pytest.mark.parametrize("what", ("changed", "too long", "cut off", "missing"))
def test_a_wrong_download_is_refused_and_not_kept(
    mirror: Mirror, tmp_path: Path, what: str
) -> None:
    right = mirror.files[NAMES[1]]
    wrong = {
        "changed": right[:-1] + bytes([right[-1] ^ 1]),
        "too long": right + bytes(2**22),
        "cut off": right[:-3],
        "missing": None,
    }[what]
    mirror.files[NAMES[1]] = wrong
    reason = "Not Found" if what == "missing" else "checksum is wrong"
    with pytest.raises(ConnectionError, match=rf"{NAMES[1]} .*{reason}.*digits\(\)") as caught:
        datasets.mnist(tmp_path, download=True)
    assert str(caught.value).count("\n") == 0
    assert [p.name for p in tmp_path.iterdir()] == [NAMES[0]]  # what was right is kept


def test_an_endless_answer_is_not_read_to_its_end(mirror: Mirror) -> None:
    mirror.files["long"] = bytes(2**20)
    assert len(handwritten._read_url(mirror.url + "long", 1000)) == 1001


def test_the_second_mirror_helps(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (dead, mirror.url))
        assert len(datasets.mnist(tmp_path, download=True, validation=10).test) == 20
        monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (dead, dead))
        with pytest.raises(
            ConnectionError, match=r"could not be downloaded .*127\.0\.0\.1.*refused"
        ):
            datasets.mnist(tmp_path / "other", download=True)
        assert not (tmp_path / "other").exists()


def test_a_folder_that_cannot_be_written_is_named(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"file.*cannot be written .*mnist\(folder="):
        datasets.mnist(tmp_path / "file" / "cache", download=True)


def test_an_interrupted_write_leaves_nothing(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(KeyboardInterrupt):
        datasets.mnist(tmp_path, download=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("validation", (0, 60, -5))
def test_mnist_validation_leaves_both_parts(
    mirror: Mirror, tmp_path: Path, validation: int
) -> None:
    with pytest.raises(ValueError, match="between 1 and 59"):
        datasets.mnist(tmp_path, download=True, validation=validation)


def test_the_cache_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_CACHE_FOLDER", str(tmp_path / "mine"))
    assert datasets.cache_folder() == tmp_path / "mine"
    with pytest.raises(ValueError, match="mine"):
        datasets.mnist()
    monkeypatch.delenv("COURSE_CACHE_FOLDER")
    assert datasets.cache_folder().name == "course_utils"
    assert Path.home() in datasets.cache_folder().parents or os.environ.get("XDG_CACHE_HOME")


@pytest.mark.parametrize("shape", ((7,), (3, 2), (2, 5, 4)))
def test_idx_is_decoded(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape)
    assert torch.equal(
        handwritten._read_idx(idx(values)), torch.from_numpy(values.astype(np.uint8))
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no IDX file"),
        (b"\0\0\x08", "no IDX file"),
        (b"\0\0\x0d\1\0\0\0\1\0\0\0\0", "no IDX file"),  # floats
        (b"\0\1\x08\1\0\0\0\1\7", "no IDX file"),
        (b"\0\0\x08\0", "no IDX file"),
        (b"\0\0\x08\2\0\0\0\1", "within its header"),
        (b"\0\0\x08\1\0\0\0\2\7", r"\(2,\), 2 values, but holds 1"),
        (b"\0\0\x08\1\0\0\0\2\7\7\7", r"\(2,\), 2 values, but holds 3"),
        (b"\0\0\x08\2\xff\xff\xff\xff\xff\xff\xff\xff\7", "but holds 1"),
    ],
)
def test_a_bad_idx_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        handwritten._read_idx(content)


def test_truths_are_the_simulators_own() -> None:
    assert isinstance(datasets.mueller_brown((2, 2, 2)).truth, molecular.Boltzmann)
    assert isinstance(datasets.ledger_sprites((2, 2, 2)).truth, sprites.EnumeratedSprites)
