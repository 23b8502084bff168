"""How `jupyter nbconvert` turns lectures into pages and slides: with their sentences as alt text.

    jupyter nbconvert --config docs/export.py --to slides solutions/01_simulators.ipynb

Without this file nbconvert works too; then pictures have no alternative text, and slides that are
longer than the screen lose their end.
"""

from pathlib import Path

c = get_config()  # noqa: F821 (nbconvert defines it)

templates = str(Path(__file__).parent / "nbconvert")
c.TemplateExporter.extra_template_basedirs = [templates]
c.TemplateExporter.extra_template_paths = [templates]  # for what both share
c.HTMLExporter.template_name = "course_page"
c.SlidesExporter.template_name = "course_slides"
c.SlidesExporter.reveal_width = "1280"
c.SlidesExporter.reveal_height = "800"
c.SlidesExporter.reveal_transition = "none"
c.SlidesExporter.reveal_number = "c/t"
c.SlidesExporter.exclude_input_prompt = True  # room for the code
c.SlidesExporter.exclude_output_prompt = True
