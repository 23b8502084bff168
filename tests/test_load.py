"""Loading one's own data: what is promised comes out, and bad input gets one clear sentence."""

import io
import os
import pickle
import re
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from course_utils.datasets import arrays, images, load

# What `load` did with a source is a warning; the tests of it look at `read_own`.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

RNG = np.random.default_rng(0)
PHOTOS = RNG.integers(0, 256, (30, 6, 8), dtype=np.uint8)
FLOATS = RNG.random((30, 6, 8), dtype=np.float32)
COLOUR = RNG.integers(0, 256, (30, 6, 8, 3), dtype=np.uint8)


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array, allow_pickle=True)
    return path


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def npy_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def folder_of(
    path: Path, images: np.ndarray, ending: str = ".png", mode: str | None = None
) -> Path:
    path.mkdir()
    for i, pixels in enumerate(images):
        image = Image.fromarray(pixels)
        (image.convert(mode) if mode else image).save(path / f"image{i:03}{ending}")
    return path


def grey(colour: np.ndarray) -> Tensor:
    """Rec. 601 luma of (N, H, W, 3) bytes, in [0, 1]."""
    return torch.from_numpy(colour / 255 @ np.array([0.299, 0.587, 0.114])).float()


# ---------------------------------------------------------------------- what comes out


@pytest.mark.parametrize("as_text", (True, False))
def test_bytes_become_pixels(tmp_path: Path, as_text: bool) -> None:
    path = saved(tmp_path / "photos.npy", PHOTOS)
    x = load(str(path) if as_text else path)
    assert x.dtype == torch.float32
    torch.testing.assert_close(x, torch.from_numpy(PHOTOS).float() / 255)


@pytest.mark.parametrize(
    "array",
    [
        FLOATS,
        FLOATS.astype(np.float64),
        FLOATS.astype(np.float16),
        FLOATS.astype(">f4"),
        FLOATS.astype(np.longdouble),
        np.asfortranarray(FLOATS),
        FLOATS[:, ::-1],
        FLOATS.reshape(30, 48),
        FLOATS.reshape(1440, 1),
        FLOATS > 0.5,
        (FLOATS > 0.5).astype(np.uint8),  # no byte above 1: black and white, not nearly black
        (FLOATS > 0.5).astype(">i8"),
    ],
    ids=lambda a: f"{a.dtype.str}{a.shape}",
)
def test_numbers_between_0_and_1_stay(tmp_path: Path, array: np.ndarray) -> None:
    expected = torch.from_numpy(array.astype(np.float32))
    for path in (saved(tmp_path / "a.npy", array), npz(tmp_path / "a.npz", x=array)):
        x = load(path)
        assert x.dtype == torch.float32 and x.is_contiguous()
        assert torch.equal(x, expected)


def test_float64_is_honoured(tmp_path: Path) -> None:
    array = RNG.random((30, 5))
    x = load(saved(tmp_path / "a.npy", array), dtype=torch.float64)
    assert torch.equal(x, torch.from_numpy(array))
    assert load(tmp_path / "a.npy", dtype=torch.float16).dtype == torch.float16


def test_as_is_changes_neither_numbers_nor_axes(tmp_path: Path) -> None:
    counts = RNG.integers(0, 17, (30, 8, 8), dtype=np.uint8)
    assert torch.equal(
        load(saved(tmp_path / "a.npy", counts), as_is=True), torch.from_numpy(counts).float()
    )
    for array in (RNG.normal(size=(30, 2, 3, 4, 5)), RNG.normal(size=(30, 7, 9, 3)) * 1e6):
        x = load(saved(tmp_path / "b.npy", array), as_is=True, dtype=torch.float64)
        assert torch.equal(x, torch.from_numpy(array))


def test_the_result_can_be_written_to(tmp_path: Path) -> None:
    x = load(saved(tmp_path / "a.npy", FLOATS))
    x += 1
    assert not torch.equal(load(tmp_path / "a.npy"), x)


def test_a_key_is_found(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", photos=PHOTOS, other=FLOATS)
    assert torch.equal(load(path, key="other"), torch.from_numpy(FLOATS))
    assert torch.equal(load(npz(tmp_path / "b.npz", only=FLOATS)), torch.from_numpy(FLOATS))
    np.savez(tmp_path / "stored.npz", FLOATS)
    assert torch.equal(load(tmp_path / "stored.npz", key="arr_0"), torch.from_numpy(FLOATS))


def test_an_upload_is_loaded_without_a_file(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", x=FLOATS)
    for content in (path.read_bytes(), npy_bytes(FLOATS)):
        assert torch.equal(load(io.BytesIO(content)), torch.from_numpy(FLOATS))
    with path.open("rb") as file:
        assert torch.equal(load(file, key="x"), torch.from_numpy(FLOATS))


@pytest.mark.parametrize("last", (True, False))
def test_colour_arrays_become_grey_or_channels(tmp_path: Path, last: bool) -> None:
    array = COLOUR if last else np.moveaxis(COLOUR, 3, 1)
    path = saved(tmp_path / "a.npy", array)
    torch.testing.assert_close(load(path), grey(COLOUR), atol=0.6 / 255, rtol=0)  # whole steps
    expected = torch.from_numpy(COLOUR).movedim(3, 1).float() / 255
    torch.testing.assert_close(load(path, colour=True), expected)


@pytest.mark.parametrize("axis", (1, 3))
def test_one_channel_is_no_axis(tmp_path: Path, axis: int) -> None:
    path = saved(tmp_path / "a.npy", np.expand_dims(FLOATS, axis))
    assert torch.equal(load(path), torch.from_numpy(FLOATS))


def test_white_stays_within_range(tmp_path: Path) -> None:
    """0.299 + 0.587 + 0.114 must not round to more than 1, which a Bernoulli does not take."""
    white = COLOUR.copy()
    white[:, 0] = 255
    x = load(saved(tmp_path / "a.npy", white))
    assert x.max() <= 1 and x[:, 0].min() > 0.999999


# ---------------------------------------------------------------------- folders of images


@pytest.mark.parametrize("ending", (".png", ".PNG", ".bmp", ".tif", ".pgm", ".gif", ".webp"))
def test_a_folder_of_grey_images(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for i, pixels in enumerate(PHOTOS):
        options = {"lossless": True} if ending == ".webp" else {}
        Image.fromarray(pixels).save(folder / f"{i:03}{ending}", **options)
    (folder / "notes.txt").write_text("not an image, and left alone")
    (folder / f".hidden{ending}").write_text("nor this")
    (folder / "inside").mkdir()
    # WebP stores brightness by way of colour, and may lose one step of 255.
    tolerance = 1.5 / 255 if ending == ".webp" else 1e-7
    expected = torch.from_numpy(PHOTOS).float() / 255
    torch.testing.assert_close(load(folder), expected, atol=tolerance, rtol=0)


def test_a_folder_of_colour_images(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "images", COLOUR)
    x = load(folder, colour=True)
    torch.testing.assert_close(x, torch.from_numpy(COLOUR).movedim(3, 1).float() / 255)
    assert x.is_contiguous()
    assert torch.equal(load(folder, colour=True, as_is=True), x)  # channels first all the same
    torch.testing.assert_close(load(folder), grey(COLOUR), atol=0.6 / 255, rtol=0)  # whole steps
    array = saved(tmp_path / "a.npy", COLOUR)
    for colour in (True, False):
        assert torch.equal(load(folder, colour=colour), load(array, colour=colour))


def test_images_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for i in reversed(range(30)):
        Image.fromarray(PHOTOS[i]).save(folder / f"{i:03}.png")
    torch.testing.assert_close(load(folder), torch.from_numpy(PHOTOS).float() / 255)


def test_grey_images_asked_for_in_colour(tmp_path: Path) -> None:
    x = load(folder_of(tmp_path / "images", PHOTOS), colour=True)
    assert x.shape == (30, 3, 6, 8) and torch.equal(x[:, 0], x[:, 2])


def test_sixteen_bits_keep_their_range(tmp_path: Path) -> None:
    deep = RNG.integers(0, 2**16, (30, 6, 8)).astype(np.uint16)
    x = load(folder_of(tmp_path / "images", deep))
    torch.testing.assert_close(x, torch.from_numpy(deep / 65535).float())


def test_images_of_real_numbers(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "images", FLOATS, ".tif")
    assert torch.equal(load(folder), torch.from_numpy(FLOATS))
    folder = folder_of(tmp_path / "more", FLOATS * 7, ".tif")
    assert torch.equal(load(folder, as_is=True), torch.from_numpy(FLOATS * 7))


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    pixels = np.concatenate([COLOUR, np.full((30, 6, 8, 1), 255, np.uint8)], axis=3)
    pixels[:, :3, :, 3] = 0
    x = load(folder_of(tmp_path / "images", pixels))
    assert torch.equal(x[:, :3], torch.ones(30, 3, 8))
    torch.testing.assert_close(x[:, 3:], grey(COLOUR)[:, 3:], atol=0.6 / 255, rtol=0)


def test_black_and_white_and_palettes(tmp_path: Path) -> None:
    masks = (PHOTOS > 127).astype(np.uint8) * 255
    for mode in ("1", "P"):
        x = load(folder_of(tmp_path / mode, masks, mode=mode))
        assert torch.equal(x, torch.from_numpy(masks).float() / 255)


def test_a_photo_taken_sideways_is_turned(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for i, pixels in enumerate(PHOTOS):
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
        Image.fromarray(pixels).save(tmp_path / "images" / f"{i:03}.png", exif=exif)
    turned = torch.from_numpy(np.rot90(PHOTOS, -1, axes=(1, 2)).copy()).float() / 255
    torch.testing.assert_close(load(tmp_path / "images"), turned)


def test_size_makes_images_equal(tmp_path: Path) -> None:
    """The central square of each, averaged over blocks where the sizes divide."""
    folder = tmp_path / "images"
    folder.mkdir()
    pictures = [RNG.integers(0, 256, shape, dtype=np.uint8) for shape in [(8, 12), (16, 8)] * 15]
    for i, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"{i:03}.png")
    x = load(folder, size=4)
    assert x.shape == (30, 4, 4)
    wide = pictures[0][:, 2:10].reshape(4, 2, 4, 2).mean((1, 3)) / 255  # (8, 8) -> (4, 4)
    tall = pictures[1][4:12].reshape(4, 2, 4, 2).mean((1, 3)) / 255  # (8, 8) -> (4, 4)
    for got, expected in ((x[0], wide), (x[1], tall)):
        # Pillow rounds to whole steps of 255 twice: after the rows and after the columns.
        torch.testing.assert_close(got, torch.from_numpy(expected).float(), atol=1.1 / 255, rtol=0)
    assert load(folder, size=4, colour=True).shape == (30, 3, 4, 4)


# ---------------------------------------------------------------------- bad input
# name: (a function that writes it and returns the source, arguments of load, expected words)

Case = tuple[Callable[[Path], object], dict[str, object], str]


def changed(index: int, value: float) -> np.ndarray:
    array = FLOATS.copy()
    array[index, 2, 3] = value
    return array


def constant(*indices: int) -> np.ndarray:
    array = FLOATS.copy()
    array[list(indices)] = 0.5
    return array


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def header(shape: str, descr: str = "'<f4'") -> bytes:
    """An .npy file that announces a shape and holds nothing."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text


def zipped(
    path: Path, content: bytes, name: str = "x.npy", method: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(name, content)
    return path


def mixed_folder(path: Path) -> Path:
    folder = folder_of(path / "mixed", PHOTOS)
    Image.fromarray(PHOTOS[0, :5]).save(folder / "smaller.png")
    return folder


def folder_with(path: Path, name: str, content: bytes) -> Path:
    folder = folder_of(path / "folder", PHOTOS)
    (folder / name).write_bytes(content)
    return folder


def image_bytes(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def empty_folder(path: Path) -> Path:
    (path / "empty" / "inside").mkdir(parents=True)
    (path / "empty" / "list.txt").write_text("a.png")
    return path / "empty"


OBJECTS = np.array([{"a": 1}, [2, 3]] * 20, dtype=object)
RAGGED = np.array([np.zeros(n) for n in range(1, 31)], dtype=object)
STRUCTURED = np.zeros((30, 2), dtype=[("mass", "f4"), ("charge", "i4")])
BAD: dict[str, Case] = {
    "missing file": (lambda p: p / "no.npz", {}, r"no file or folder '.*no\.npz'"),
    "missing folder": (lambda p: p / "no" / "photos", {}, "no file or folder"),
    "another ending": (lambda p: written(p / "a.csv", b"1,2\n"), {}, r"a\.csv is neither an \.npy"),
    "no ending": (lambda p: written(p / "a", npy_bytes(FLOATS)), {}, "neither an"),
    "one image": (
        lambda p: written(p / "a.bmp", image_bytes(PHOTOS[0], "BMP")),
        {},
        r"a\.bmp is a single image.*folder",
    ),
    "a list": (lambda p: FLOATS.tolist(), {}, "or an array, not list: numpy.stack"),
    "open as text": (lambda p: io.StringIO("text"), {}, "open as text"),
    "text named npy": (lambda p: written(p / "a.npy", b"1, 2, 3\n"), {}, "not written by NumPy"),
    "text named npz": (lambda p: written(p / "a.npz", b"1, 2, 3\n"), {}, "not written by NumPy"),
    "a bare pickle": (
        lambda p: written(p / "a.npy", pickle.dumps([1])),
        {},
        "not written by NumPy",
    ),
    "empty file": (lambda p: written(p / "a.npy", b""), {}, r"a\.npy is empty"),
    "cut off": (lambda p: written(p / "a.npy", npy_bytes(FLOATS)[:-1]), {}, "damaged or cut off"),
    "cut in the header": (lambda p: written(p / "a.npy", npy_bytes(FLOATS)[:40]), {}, "cut off"),
    "cut in the magic": (lambda p: written(p / "a.npy", npy_bytes(FLOATS)[:7]), {}, "cut off"),
    "too long": (lambda p: written(p / "a.npy", npy_bytes(FLOATS) + b"!"), {}, "damaged"),
    "cut npz": (
        lambda p: written(p / "b.npz", npz(p / "a.npz", x=FLOATS).read_bytes()[:-30]),
        {},
        r"b\.npz is damaged or cut off",
    ),
    "cut array in an npz": (
        lambda p: zipped(p / "a.npz", npy_bytes(FLOATS)[:-1]),
        {},
        r"a\.npz\['x'\] is damaged or cut off",
    ),
    "missing key": (
        lambda p: npz(p / "a.npz", photos=PHOTOS, labels=FLOATS),
        {"key": "images"},
        r"no key 'images': it holds photos, labels\.",
    ),
    "which key": (
        lambda p: npz(p / "a.npz", photos=PHOTOS, labels=FLOATS),
        {},
        r"several arrays.*key=: photos, labels\.",
    ),
    "many keys": (
        lambda p: npz(p / "a.npz", **{f"k{i}": FLOATS for i in range(12)}),
        {},
        r"k0, .*k9, \.\.\.",
    ),
    "key of an npy": (lambda p: saved(p / "a.npy", FLOATS), {"key": "x"}, "has no key 'x'"),
    "key of a folder": (lambda p: folder_of(p / "f", PHOTOS), {"key": "x"}, "has no key 'x'"),
    "size of rows": (
        lambda p: saved(p / "a.npy", FLOATS.reshape(30, 48)),
        {"size": 8},
        r"size scales pictures .* shape \(30, 48\): leave it out",
    ),
    "size zero": (lambda p: folder_of(p / "f", PHOTOS), {"size": 0}, "positive number of pixels"),
    "zip of images": (
        lambda p: zipped(p / "a.npz", image_bytes(PHOTOS[0]), "a.png"),
        {},
        "holds no arrays.*unpack it",
    ),
    "other compression": (
        lambda p: zipped(p / "a.npz", npy_bytes(FLOATS), method=zipfile.ZIP_LZMA),
        {},
        "compressed in a way",
    ),
    "objects": (lambda p: saved(p / "a.npy", OBJECTS), {}, "Python objects.*numbers"),
    "ragged": (lambda p: saved(p / "a.npy", RAGGED), {}, "Python objects.*one shape"),
    "objects in an npz": (
        lambda p: npz(p / "a.npz", x=OBJECTS),
        {},
        r"\['x'\] holds Python objects",
    ),
    "complex": (lambda p: saved(p / "a.npy", FLOATS * 1j), {}, "complex64 values.*numpy.abs"),
    "strings": (
        lambda p: saved(p / "a.npy", FLOATS.astype(str)),
        {},
        "holds words.*a number, or a column",
    ),
    "byte strings": (lambda p: saved(p / "a.npy", FLOATS.astype("S4")), {}, "holds words"),
    "dates": (
        lambda p: saved(p / "a.npy", PHOTOS.astype("datetime64[D]")),
        {},
        "holds dates.*count days",
    ),
    "structured": (
        lambda p: saved(p / "a.npy", STRUCTURED),
        {},
        "records.*structured_to_unstructured",
    ),
    "a number": (lambda p: saved(p / "a.npy", np.float32(1)), {}, r"shape \(\)"),
    "a vector": (lambda p: saved(p / "a.npy", FLOATS[:, 0, 0]), {}, r"shape \(30,\).*reshape"),
    "no samples": (lambda p: saved(p / "a.npy", FLOATS[:0]), {}, r"\(0, 6, 8\): it is empty"),
    "no pixels": (lambda p: saved(p / "a.npy", FLOATS[:, :0]), {}, "it is empty"),
    "five axes": (lambda p: saved(p / "a.npy", FLOATS[:, None, None]), {}, r"\(30, 1, 1, 6, 8\)"),
    "two channels": (
        lambda p: saved(p / "a.npy", FLOATS.reshape(30, 2, 3, 8)),
        {},
        r"shape \(30, 2, 3, 8\).*\(N, H, W, 3\).*as_is=True",
    ),
    "no colours": (lambda p: saved(p / "a.npy", FLOATS), {"colour": True}, "has no colours"),
    "three samples": (lambda p: saved(p / "a.npy", FLOATS[:3]), {}, "holds 3 samples.*at least 20"),
    "three images": (lambda p: folder_of(p / "f", PHOTOS[:3]), {}, "holds 3 samples.*at least 20"),
    "NaN": (
        lambda p: saved(p / "a.npy", changed(7, np.nan)),
        {},
        "1 sample, the first at index 7",
    ),
    "infinity": (lambda p: saved(p / "a.npy", changed(9, -np.inf)), {"as_is": True}, "index 9"),
    "too large": (
        lambda p: saved(p / "a.npy", changed(4, 1).astype(float) * 1e300),
        {"as_is": True},
        "too large values in 30 samples, the first at index 0",
    ),
    "negative": (lambda p: saved(p / "a.npy", changed(3, -0.25)), {}, r"from -0\.25 to .*\[0, 1\]"),
    "above one": (lambda p: saved(p / "a.npy", changed(3, 250)), {}, r"to 250, .*as_is=True"),
    "integers": (lambda p: saved(p / "a.npy", PHOTOS.astype(int)), {}, "values from 0 to 255"),
    "colour above one": (lambda p: saved(p / "a.npy", COLOUR.astype(int)), {}, "from 0 to 255"),
    "constant image": (
        lambda p: saved(p / "a.npy", constant(5, 11)),
        {},
        "2 constant images.*first at index 5: remove them",
    ),
    "constant as is": (
        lambda p: saved(p / "a.npy", constant(5)),
        {"as_is": True},
        "1 constant image, ",
    ),
    "all constant": (lambda p: saved(p / "a.npy", constant(*range(30))), {}, "nothing to learn"),
    "all equal": (
        lambda p: saved(p / "a.npy", np.repeat(FLOATS[:1].reshape(1, 48), 30, axis=0)),
        {},
        "All samples of .* are equal",
    ),
    "blank image in a folder": (
        lambda p: folder_with(p, "blank.png", image_bytes(PHOTOS[0] * 0)),
        {},
        "1 constant image, .*index 0",
    ),
    "mixed sizes": (mixed_folder, {}, "image000.png is 8 x 6 and smaller.png is 8 x 5.*size=28"),
    "empty folder": (
        empty_folder,
        {},
        r"'empty' and the folders inside it hold no images.*only 1 other entry \(list.txt\)",
    ),
    "text named png": (lambda p: folder_with(p, "z.png", b"hello"), {}, r"z\.png cannot be read"),
    "empty image": (lambda p: folder_with(p, "z.png", b""), {}, r"z\.png cannot be read"),
    "cut image": (
        lambda p: folder_with(p, "z.png", image_bytes(PHOTOS[0])[:-30]),
        {},
        r"z\.png cannot be read.*damaged, cut off",
    ),
    "array named png": (
        lambda p: folder_with(p, "z.png", npy_bytes(FLOATS)),
        {},
        r"z\.png cannot be read",
    ),
    "a rare format named png": (  # few decoders, the much used ones, are let near the bytes
        lambda p: folder_with(p, "z.png", image_bytes(PHOTOS[0], "PCX")),
        {},
        r"z\.png cannot be read",
    ),
    "announces a terabyte": (
        lambda p: written(p / "a.npy", header("(1000000, 512, 512)")),
        {},
        r"a\.npy announces the shape \(1000000, 512, 512\), 977 GiB .* more than the 1 GiB",
    ),
    "bytes that become floats": (
        lambda p: written(p / "a.npy", header("(300, 1000, 1000)", "'|u1'")),
        {},
        "1.12 GiB in memory",
    ),
    "a zip bomb": (
        lambda p: zipped(p / "a.npz", header("(2000, 1000, 1000)") + bytes(2**20)),
        {},
        r"a\.npz\['x'\] announces .* 7.45 GiB",
    ),
    "a header bomb": (
        lambda p: zipped(p / "a.npz", b"\x93NUMPY\2\0\xff\xff\xff\xf0" + b" " * 2**24),
        {},
        "damaged",
    ),
    "a negative shape": (lambda p: written(p / "a.npy", header("(-1, 8)")), {}, "damaged"),
    "an endless shape": (lambda p: written(p / "a.npy", header(f"(1{'0' * 400},)")), {}, "damaged"),
    "fifty axes": (lambda p: written(p / "a.npy", header(f"({'1,' * 50})")), {}, "damaged"),
    "a nested header": (
        lambda p: written(p / "a.npy", header("(" * 900 + ")" * 900)),
        {},
        "damaged",
    ),
    "a header that calls": (
        lambda p: written(p / "a.npy", header("__import__('os').getpid()")),
        {},
        "damaged",
    ),
    "another version": (
        lambda p: written(p / "a.npy", b"\x93NUMPY\7\0" + npy_bytes(FLOATS)[8:]),
        {},
        "damaged",
    ),
}


def complaint(source: object, **options: object) -> str:
    with pytest.raises(ValueError) as caught:
        load(source, **options)
    return str(caught.value)


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_sentence(tmp_path: Path, case: str) -> None:
    make, options, words = BAD[case]
    sentence = complaint(make(tmp_path), **options)
    assert re.search(words, sentence), sentence
    assert "\n" not in sentence and sentence.endswith((".", ")."))
    assert len(sentence) < 300 + len(str(tmp_path))
    assert not re.search(r"\. [A-Z]", sentence), "one sentence"


def test_every_bad_input_is_good_but_for_one_thing(tmp_path: Path) -> None:
    """What the cases above start from is loaded without complaint."""
    assert load(saved(tmp_path / "a.npy", FLOATS)).shape == (30, 6, 8)
    assert load(folder_of(tmp_path / "f", PHOTOS)).shape == (30, 6, 8)
    assert load(folder_with(tmp_path, "z.png", image_bytes(PHOTOS[1]))).shape == (31, 6, 8)
    assert load(zipped(tmp_path / "a.npz", npy_bytes(FLOATS))).shape == (30, 6, 8)
    content = header("(30, 48)") + FLOATS.tobytes()
    assert load(written(tmp_path / "b.npy", content)).shape == (30, 48)


class Malicious:
    """Its unpickling makes a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("kind", ("npy", "npz", "bare pickle", "float header"))
def test_a_pickle_is_never_opened(tmp_path: Path, kind: str) -> None:
    marker = tmp_path / "marker"
    trap = np.array([Malicious(marker)] * 30, dtype=object)
    path = tmp_path / ("a.npz" if kind == "npz" else "a.npy")
    if kind == "npy":
        np.save(path, trap, allow_pickle=True)
    elif kind == "npz":
        np.savez(path, x=trap, allow_pickle=True)
    elif kind == "bare pickle":
        path.write_bytes(pickle.dumps(trap))
    else:
        path.write_bytes(header("(30,)", "'|O'") + pickle.dumps(trap))
    options = {"key": "x"} if kind == "npz" else {}
    complaint(path, **options)
    assert not marker.exists()
    # The trap works: NumPy springs it when it is told to trust the file.
    if kind == "npy":
        np.load(path, allow_pickle=True)
        assert marker.exists()


def test_limits_are_at_the_stated_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.npy", PHOTOS)
    folder = folder_of(tmp_path / "f", PHOTOS)
    n_bytes = PHOTOS.size * 4  # as float32
    monkeypatch.setattr(arrays, "MAX_BYTES", n_bytes)
    load(path), load(folder)
    monkeypatch.setattr(arrays, "MAX_BYTES", n_bytes - 1)
    assert "announces the shape (30, 6, 8)" in complaint(path)
    assert "30 images like image000.png" in complaint(folder)
    monkeypatch.undo()
    monkeypatch.setattr(images, "MAX_IMAGE_PIXELS", 48)
    load(folder)
    monkeypatch.setattr(images, "MAX_IMAGE_PIXELS", 47)
    assert re.search("image000.png is larger than .* million pixels", complaint(folder, size=2))


@pytest.mark.parametrize("case", ("announces a terabyte", "a zip bomb", "a header bomb"))
def test_a_bomb_is_refused_before_it_is_read(tmp_path: Path, case: str) -> None:
    """Nothing the size of the bomb, 1 MiB or more, is ever in memory."""
    make, options, _ = BAD[case]
    source = make(tmp_path)
    complaint(source, **options)  # imports are no cost of this kind
    tracemalloc.start()
    complaint(source, **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**19


@pytest.mark.parametrize("side", (10_000, 20_000))
def test_an_image_bomb_is_not_decoded(tmp_path: Path, side: int) -> None:
    """Twelve kilobytes that announce 100 or 400 million pixels: Pillow warns, and refuses."""
    content = bytearray(image_bytes(np.zeros((8, 8), np.uint8)))
    content[16:24] = side.to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    folder = folder_with(tmp_path, "a.png", bytes(content))
    assert re.search(r"a\.png is larger than 67\.1 million pixels", complaint(folder))


@pytest.mark.filterwarnings("ignore")  # Pillow warns of metadata that it cannot read
@pytest.mark.parametrize("kind", ("npy", "npz", "png", "gif", "tif", "jpg"))
def test_damaged_bytes_never_escape_as_another_error(tmp_path: Path, kind: str) -> None:
    """One to three bytes changed at random: the data, or a ValueError of one line, 150 times."""
    rng = np.random.default_rng(1)
    if kind in ("npy", "npz"):
        path = tmp_path / f"a.{kind}"
        saved(path, FLOATS) if kind == "npy" else npz(path, x=FLOATS)
        source = path
    else:
        source = folder_of(tmp_path / "f", COLOUR if kind == "jpg" else PHOTOS[:25], f".{kind}")
        path = sorted(source.iterdir())[0]
    right = path.read_bytes()
    refused = 0
    for _ in range(150 if kind in ("npy", "npz") else 40):
        wrong = bytearray(right)
        where = rng.integers(0, len(wrong), rng.integers(1, 4))
        # Half of the changes hit the first bytes, where the structure is.
        where[0] = rng.integers(0, min(len(wrong), 200))
        for i in where:
            wrong[i] = rng.integers(0, 256)
        path.write_bytes(wrong)
        try:
            load(source)
        except ValueError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 0
