"""Arrays in .npy and .npz files: read without ever unpickling, or refused in one sentence."""

import io
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, NamedTuple

import numpy as np

MAX_BYTES = 2**30  # of one data set in memory: what is larger is refused before it is read
PART_WORDS = {  # words in the name of an array or a folder, and the part they stand for
    **dict.fromkeys(("train", "training"), 0),
    **dict.fromkeys(("val", "valid", "validation", "dev"), 1),
    **dict.fromkeys(("test", "testing"), 2),
}
LABEL_WORDS = ("labels", "label", "y", "target", "targets", "class", "classes")


@dataclass
class Found:
    """What a source holds: samples first, and what belongs to each of them."""

    array: np.ndarray  # (N, ...)
    labels: np.ndarray | None = None  # (N,), whole numbers
    classes: tuple[str, ...] = ()  # their names
    parts: np.ndarray | None = None  # (N,), 0, 1, 2: training, validation and test
    groups: np.ndarray | None = None  # (N,), what belongs together has one number
    notes: list[str] = field(default_factory=list)  # what was done or passed over, a sentence each


class Header(NamedTuple):
    """What an .npy file says of itself."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype


def read_array(
    file: IO[bytes], name: str, key: str | None, groups: str | None, sample: int | None
) -> Found:
    """The array in an .npy file, or those of an .npz file: told apart by the first bytes."""
    start = file.read(6)
    if not isinstance(start, bytes):
        raise ValueError(f'{name} is open as text: open it with mode "rb".')
    file.seek(0)
    if start == b"\x93NUMPY":
        if key is not None or groups is not None:
            raise ValueError(
                f"{name} holds a single array and has no key {key or groups!r}: leave it out."
            )
        header = _numbers(_read_header(file, name), name)
        rows = choose(header.shape[0], sample)
        return Found(_values(file, header, name, rows), notes=_sampled(header.shape[0], rows))
    if start[:4] == b"PK\x03\x04":
        return _read_npz(file, name, key, groups, sample)
    what = "is empty" if not start else "was not written by NumPy, whatever its name says"
    raise ValueError(f"{name} {what}: write it with numpy.save or numpy.savez.")


def choose(n: int, sample: int | None) -> np.ndarray | None:
    """Which of n samples to take, in order and the same ones every time; None for all."""
    if sample is None or sample >= n:
        return None
    return np.sort(np.random.default_rng(0).choice(n, sample, replace=False))


def part_of(name: str) -> tuple[int | None, str]:
    """The part that a name like "val_images" speaks of, and the rest of the name."""
    words = re.split(r"[_\-. ]+", name.lower())
    parts = [PART_WORDS[word] for word in words if word in PART_WORDS]
    rest = "_".join(word for word in words if word not in PART_WORDS)
    return (parts[0] if len(parts) == 1 else None), rest


def as_codes(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers or words (N,) as whole numbers from 0, and the name of each."""
    names, codes = np.unique(values, return_inverse=True)
    return codes.reshape(-1), tuple(map(str, names))


def require_room(n_bytes: int, what: str) -> None:
    """Raises: ValueError if so many bytes are more than one data set may have."""
    if n_bytes > MAX_BYTES:
        raise ValueError(
            f"{what}, {n_bytes / 2**30:.3g} GiB in memory, more than the {MAX_BYTES / 2**30:.3g} "
            "GiB that are read: take some at random with sample=5000, or save fewer or smaller "
            "ones."
        )


# ---------------------------------------------------------------------- several in one file


def _read_npz(
    file: IO[bytes], name: str, key: str | None, groups: str | None, sample: int | None
) -> Found:
    try:
        archive = zipfile.ZipFile(file)
    except Exception:  # broken bytes can make zipfile fail in any way
        raise damaged(name) from None
    with archive:
        members = {m.filename[:-4]: m for m in archive.infolist() if m.filename.endswith(".npy")}
        if not members:
            raise ValueError(
                f"{name} holds no arrays: write it with numpy.savez; if it is a zip of images, "
                "unpack it and load the folder."
            )
        if {"indices", "indptr", "format"} <= members.keys():
            raise ValueError(
                f"{name} is a sparse matrix: give scipy.sparse.load_npz({name!r}).toarray() as "
                "the source."
            )
        npz = _Npz(archive, members, name)
        keys = npz.choose_keys(key)
        headers = [_numbers(npz.header(k), f"{name}[{k!r}]") for k in keys.values()]
        if len({header.shape[1:] for header in headers}) > 1:
            pairs = zip(keys.values(), headers, strict=True)
            shapes = ", ".join(f"{k} {header.shape}" for k, header in pairs)
            raise ValueError(f"The parts of {name} hold samples of different shapes: {shapes}.")
        sizes = [header.shape[0] for header in headers]
        rows = choose(sum(sizes), sample)
        wanted = _split_rows(rows, sizes)
        n = sum(sizes) if rows is None else len(rows)
        bytes_each = math.prod(headers[0].shape[1:]) * max(4, headers[0].dtype.itemsize)
        many = ", ".join(map(repr, keys.values()))
        require_room(
            n * bytes_each, f"{name}[{many}] announces the shape {(n, *headers[0].shape[1:])}"
        )
        arrays = [npz.values(k, some) for k, some in zip(keys.values(), wanted, strict=True)]
        found = Found(arrays[0] if len(arrays) == 1 else np.concatenate(arrays))
        found.notes += _sampled(sum(sizes), rows)
        used = set(keys.values())
        if len(keys) > 1:
            lengths = [len(array) for array in arrays]
            found.parts = np.repeat(list(keys), lengths)
            found.notes.append(f"The split is the file's own: {', '.join(keys.values())}.")
        labels = npz.beside(keys, sizes, LABEL_WORDS)
        if labels:
            values = [npz.words(k, some) for k, some in zip(labels, wanted, strict=True)]
            found.labels, found.classes = as_codes(np.concatenate(values))
            used |= set(labels)
        if groups is not None:
            belong = npz.beside(keys, sizes, (groups.lower(),))
            if not belong:
                raise ValueError(
                    f"{name} has no array {groups!r} with one entry for each sample to group by: "
                    f"it holds {npz.known}."
                )
            values = [npz.words(k, some) for k, some in zip(belong, wanted, strict=True)]
            found.groups, _ = as_codes(np.concatenate(values))
            used |= set(belong)
        left = [k for k in members if k not in used]
        if left:
            found.notes.append(f"Other arrays of the file were left alone: {_listed(left)}.")
        return found


class _Npz:
    """The arrays of an .npz file by name."""

    def __init__(
        self, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str
    ) -> None:
        self.archive, self.members, self.name = archive, members, name
        self.known = _listed(list(members))

    def choose_keys(self, key: str | None) -> dict[int, str]:
        """Part -> key of its samples; a single array is in part 0."""
        if key is not None and not isinstance(key, str):
            raise ValueError(
                f"key is the name of one array, not {key!r}: to join several, give "
                "numpy.concatenate of them as the source."
            )
        if key in self.members:
            return {0: str(key)}
        split: dict[str, dict[int, str]] = {}
        for member in self.members:
            part, rest = part_of(member)
            if part is not None:
                split.setdefault(rest, {})[part] = member
        split = {r: parts for r, parts in split.items() if {0, 2} <= parts.keys()}
        if key is not None:
            if key.lower() in split:
                return dict(sorted(split[key.lower()].items()))
            raise ValueError(f"{self.name} has no key {key!r}: it holds {self.known}.")
        if len(self.members) == 1:
            return {0: next(iter(self.members))}
        data = [parts for rest, parts in split.items() if rest not in LABEL_WORDS]
        if len(data) == 1:
            return dict(sorted(data[0].items()))
        raise ValueError(f"{self.name} holds several arrays, say which with key=: {self.known}.")

    def beside(self, keys: dict[int, str], sizes: Sequence[int], words: Sequence[str]) -> list[str]:
        """Keys of arrays called by one of these words with an entry for each sample, or none."""
        found = []
        for (part, _), n in zip(keys.items(), sizes, strict=True):
            for member in self.members:
                of, rest = part_of(member)
                if rest not in words or (len(keys) > 1 and of != part) or member in keys.values():
                    continue
                header = self.header(member)
                if header.shape in ((n,), (n, 1)) and header.dtype.kind in "biuU":
                    found.append(member)
                    break
        return found if len(found) == len(keys) else []

    def header(self, key: str) -> Header:
        with self._open(key) as member:
            return _read_header(member, f"{self.name}[{key!r}]")

    def values(self, key: str, rows: np.ndarray | None) -> np.ndarray:
        name = f"{self.name}[{key!r}]"
        with self._open(key) as member:
            return _values(member, _numbers(_read_header(member, name), name), name, rows)

    def words(self, key: str, rows: np.ndarray | None) -> np.ndarray:
        """Whole numbers or words, one for each sample."""
        with self._open(key) as member:
            header = _read_header(member, f"{self.name}[{key!r}]")
            return _values(member, header, f"{self.name}[{key!r}]", rows).reshape(-1)

    def _open(self, key: str) -> IO[bytes]:
        if self.members[key].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{self.name} is compressed in a way that numpy.savez does not write.")
        try:
            return self.archive.open(self.members[key])
        except Exception:  # also if it is encrypted
            raise damaged(self.name) from None


def _split_rows(rows: np.ndarray | None, sizes: Sequence[int]) -> list[np.ndarray | None]:
    """Rows of the arrays one after the other, as rows of each."""
    if rows is None:
        return [None] * len(sizes)
    ends = np.cumsum(sizes)
    pieces = np.split(rows, np.searchsorted(rows, ends[:-1]))
    starts = ends - sizes
    return [piece - start for piece, start in zip(pieces, starts, strict=True)]


# ---------------------------------------------------------------------- one array


def _numbers(header: Header, name: str) -> Header:
    """Raises: ValueError if the array does not hold real numbers, with what would make some."""
    dtype = header.dtype
    if dtype.hasobject:
        raise ValueError(
            f"{name} holds Python objects, which could run code when they are opened, so it stays "
            "closed: save an array of numbers, all samples of one shape."
        )
    require_real(dtype, name)
    return header


def require_real(dtype: np.dtype, name: str) -> None:
    """Raises: ValueError unless values of this dtype are real numbers, with what to do."""
    if dtype.kind in "biuf":
        return
    if dtype.names:
        what, hint = "records", "numpy.lib.recfunctions.structured_to_unstructured makes columns"
    else:
        what, hint = {
            "c": (f"{dtype} values", "stack real and imaginary part, or take numpy.abs"),
            "U": ("words", "give each category a number, or a column of 0 and 1"),
            "S": ("words", "give each category a number, or a column of 0 and 1"),
            "M": ("dates", "count days or seconds from the first one"),
            "m": ("times", "divide by numpy.timedelta64(1, 's') for seconds"),
            "O": ("Python objects", "make an array of numbers, all samples of one shape"),
        }.get(dtype.kind, (f"{dtype} values", "save real numbers"))
    raise ValueError(f"{name} holds {what}, and real numbers are needed: {hint}.")


def _values(
    file: IO[bytes], header: Header, name: str, rows: np.ndarray | None = None
) -> np.ndarray:
    """The values after a header, or those of some rows, which are then all that is in memory."""
    shape, fortran_order, dtype = header
    n = len(rows) if rows is not None else shape[0] if shape else 1
    each = math.prod(shape[1:])
    what = f"{name} announces the shape {shape}"
    require_room(n * each * max(4, dtype.itemsize), what)
    row_bytes = each * dtype.itemsize
    if rows is None:
        content = _read(file, n * row_bytes, name)
        if _read(file, 1, name, or_less=True):  # an .npz compares its checksum at the end
            raise damaged(name)
        order = "F" if fortran_order else "C"
        return np.frombuffer(content, dtype=dtype).reshape(shape, order=order)  # as announced
    if fortran_order and len(shape) > 1:
        raise ValueError(
            f"{name} is stored column by column, and samples cannot be taken from it: save "
            "numpy.ascontiguousarray of it."
        )
    start, pieces = file.tell(), []
    for row in rows.tolist():
        file.seek(start + row * row_bytes)
        pieces.append(_read(file, row_bytes, name))
    return np.frombuffer(b"".join(pieces), dtype=dtype).reshape(n, *shape[1:])  # rows of samples


def _read_header(file: IO[bytes], name: str) -> Header:
    """Shape, order of the axes and dtype of an .npy file, parsed by NumPy from a short copy.

    A copy, because NumPy reads a header before it looks whether it is too long: up to 4 GiB,
    which an .npz may have compressed into a small file.
    """
    start = _read(file, 8, name)  # magic string and version
    length = _read(file, 2 if start[6] == 1 else 4, name)
    n = int.from_bytes(length, "little")
    if n > 10_000:  # as in NumPy; a few hundred are usual
        raise damaged(name)
    header = io.BytesIO(start + length + _read(file, n, name))
    try:
        version = np.lib.format.read_magic(header)
        if version == (1, 0):
            found = Header(*np.lib.format.read_array_header_1_0(header))
        else:
            found = Header(*np.lib.format.read_array_header_2_0(header))
    except Exception:  # the header is a Python literal that anyone may have written
        raise damaged(name) from None
    if len(found.shape) > 8 or any(not 0 <= n < 2**48 for n in found.shape):
        raise damaged(name)
    if 0 in found.shape:
        raise ValueError(f"{name} has the shape {found.shape}: it is empty.")
    if not found.shape:
        raise ValueError(
            f"{name} has the shape (), a single value, and (N, ...) is needed, one row for each "
            "sample."
        )
    return found


def _read(file: IO[bytes], n: int, name: str, or_less: bool = False) -> bytes:
    try:
        content = file.read(n)
    except Exception:  # broken bytes can make zipfile fail in any way
        raise damaged(name) from None
    if len(content) < n and not or_less:
        raise damaged(name)
    return content


def damaged(name: str) -> ValueError:
    """The error for bytes that are not what they should be."""
    return ValueError(f"{name} is damaged or cut off: copy or write it again.")


def _sampled(n: int, rows: np.ndarray | None) -> list[str]:
    return [] if rows is None else [f"{len(rows)} of {n} samples were taken, at random."]


def _listed(names: Sequence[str], most: int = 10) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
