"""Make the pictures of the pages below: run the code of each, as its test does, and keep what it draws.

Run as ``python docs/images/make_results.py`` from the root of the repository.
"""

import os
import re
import tempfile
from pathlib import Path

import matplotlib as mpl

HERE = Path(__file__).resolve().parent


PAGES = ("results.md", "statistics.md", "fitting.md")


def main() -> None:
    """Write the pictures beside this file."""
    mpl.use("Agg")
    for page in PAGES:
        text = (HERE.parent / page).read_text(encoding="utf-8")
        code = "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            exec(compile(code, page, "exec"), {})
            for picture in Path(folder).glob("*.png"):
                (HERE / picture.name).write_bytes(picture.read_bytes())


if __name__ == "__main__":
    main()
