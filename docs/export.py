"""How `jupyter nbconvert` turns lectures into pages and slides: with their sentences as alt text.

    jupyter nbconvert --config docs/export.py --to slides solutions/01_simulators.ipynb

Answers of exercises are left out, as in notebooks/; `--Answers.show=True` shows them.
Without this file nbconvert works too; then answers are shown, pictures have no alternative text,
and slides that are longer than the screen lose their end.
"""

from pathlib import Path

from nbconvert.preprocessors import Preprocessor
from traitlets import Bool

from course_utils.authoring.build import BEGIN, stub

c = get_config()  # noqa: F821 (nbconvert defines it)


class Answers(Preprocessor):
    """An exercise as the students find it: its stub, and nothing said of an answer."""

    show = Bool(False, help="Show the answers of the exercises.").tag(config=True)

    def preprocess_cell(self, cell, resources, index):
        if not self.show and cell.cell_type == "code" and BEGIN in cell.source:
            cell.source, cell.outputs = stub(cell.source), []
        return cell, resources


templates = str(Path(__file__).parent / "nbconvert")
c.TemplateExporter.extra_template_basedirs = [templates]
c.TemplateExporter.extra_template_paths = [templates]  # for what both share
c.Exporter.preprocessors = [Answers]
c.HTMLExporter.template_name = "course_page"
c.SlidesExporter.template_name = "course_slides"
c.SlidesExporter.reveal_width = "1280"
c.SlidesExporter.reveal_height = "800"
c.SlidesExporter.reveal_transition = "none"
c.SlidesExporter.reveal_number = "c/t"
c.SlidesExporter.exclude_input_prompt = True  # room for the code
c.SlidesExporter.exclude_output_prompt = True
