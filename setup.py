"""Compiles the catalogues of geodata/locale whenever packages are built; all else is in pyproject.toml."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from setuptools import setup
from setuptools.command.build_py import build_py


class WithTexts(build_py):
    """Copies the packages once their catalogues are compiled."""

    def run(self) -> None:
        """Write a `.mo` beside every `.po`."""
        for path in Path("geodata/locale").glob("*/LC_MESSAGES/*.po"):
            with path.open("rb") as text, path.with_suffix(".mo").open("wb") as compiled:
                write_mo(compiled, read_po(text, domain=path.stem))
        super().run()


setup(cmdclass={"build_py": WithTexts})
