"""What an exercise is: one module of `lectureNN/` holds all there is to know of it.

    exercise = Exercise(
        "07.implied_beta",
        "kl_weight float, data_dim int, latent_dim int, sigma float -> float",
        place=3,
        proves="...",
        hints=("...", "..."),
        twin="course_utils.vae:implied_beta",
    )

    @exercise.laws
    def _(f: Subject, draw: Draw) -> None:
        law(agree(f(...), ...), "...", "slug")

    @exercise.mistake("sigma-not-squared")
    def _(kl_weight, data_dim, latent_dim, sigma):
        \"""sigma stands where sigma squared belongs.\"""
        return kl_weight * data_dim / (2 * latent_dim * sigma)

The laws call `f` and state what must hold. Where one does not, the recorded calls are compared with
the mistakes in the order they stand, and the first that gives the same numbers on all of them lends
its sentence. A mistake of a class cannot be compared so: there a law names it, by its slug.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

from .draw import Draw
from .signature import Signature, parse
from .subject import Subject

Laws = Callable[[Subject, Draw], None]


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer: `function` computes it, `message` tells the student what it is."""

    slug: str
    message: str
    function: Callable


@dataclass
class Exercise:
    """One exercise of the course.

    Attributes:
        name: "NN.function".
        text: what goes in and what comes out, see signature.py.
        place: where it stands among the exercises of its lecture.
        proves: what a passed check has shown, one sentence.
        hints: from a nudge to the step before the answer, never the finished line.
        twin: "module:function", the course package's own version, if there is one.
        points: what it is worth when graded.
        mistakes: the known wrong answers, the most telling first.
        judge: the laws.
    """

    name: str
    text: str
    proves: str
    hints: tuple[str, ...]
    place: int = 0
    twin: str | None = None
    points: int = 1
    mistakes: list[Mistake] = field(default_factory=list, repr=False)
    judge: Laws = field(default=lambda _f, _draw: None, repr=False)

    def laws(self, judge: Laws) -> Laws:
        """Take the decorated function as the check."""
        self.judge = judge
        return judge

    def mistake(self, slug: str, sentence: str | None = None) -> Callable[[Callable], Callable]:
        """Register the decorated function as a known wrong answer; its docstring is the sentence.

        Raises:
            ValueError: when there is no sentence to tell the student.
        """

        def register(function: Callable) -> Callable:
            message = " ".join((sentence or inspect.getdoc(function) or "").split())
            if not message:
                raise ValueError(f"{self.name}: the mistake '{slug}' has no sentence.")
            self.mistakes.append(Mistake(slug, message, function))
            return function

        return register

    @property
    def signature(self) -> Signature:
        return parse(self.text)

    @property
    def lecture(self) -> str:
        return self.name.split(".")[0]

    @property
    def function(self) -> str:
        return self.name.split(".")[1]
