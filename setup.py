"""Build csrc once as a static library, the device kernels from their equations, and the Cython faces over both."""

import os
import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent.resolve()
os.chdir(ROOT)
sys.path.insert(0, str(ROOT))

DEBUG = os.environ.get("CIRCUITNN_DEBUG") == "1"
FLAGS = ["-std=gnu11", "-fPIC", "-fopenmp", "-Wall", "-Wextra"]
FLAGS += ["-O1", "-g", "-fsanitize=address,undefined"] if DEBUG else ["-O3", "-fno-math-errno", "-fno-trapping-math"]
LINK = ["-fopenmp", *(["-fsanitize=address,undefined"] if DEBUG else [])]
HEADERS = sorted(str(p) for p in Path("csrc").glob("*.h"))
SOURCES = sorted(str(p) for p in Path("csrc").glob("*.c"))
KERNELS = "circuitnn.devices._kernels"


def extensions() -> list[Extension]:
    """Return one extension for each ``_name.pyx``, linked with the C library."""
    found = []
    for pyx in sorted(Path("circuitnn").rglob("_*.pyx")):
        found.append(
            Extension(
                ".".join(pyx.with_suffix("").parts),
                [str(pyx)],
                include_dirs=["csrc", numpy.get_include()],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                extra_compile_args=[*FLAGS, "-Wno-unused-function", "-Wno-unused-parameter", "-Wno-sign-compare"],
                extra_link_args=LINK,
                depends=HEADERS + SOURCES,
            )
        )
    return found


class BuildLibrary(build_clib):
    """The static library, rebuilt when any header changes."""

    def build_libraries(self, libraries):
        newest = max(Path(p).stat().st_mtime for p in HEADERS + SOURCES)
        for archive in Path(self.build_clib).glob("libcircuitnn_core.a"):
            if archive.stat().st_mtime < newest:
                archive.unlink()
                self.force = True
        super().build_libraries(libraries)


class BuildExtensions(build_ext):
    """Generates the device kernels, builds the library, then the extensions."""

    def run(self):
        from circuitnn.devices.emit import generate_builtin

        self.run_command("build_clib")
        generated = generate_builtin(Path("build/generated"))
        for ext in self.extensions:
            if ext.name == KERNELS:
                ext.sources += [str(p) for p in generated]
                ext.depends += [str(p) for p in generated]
                ext.include_dirs.append("build/generated")
                # an instance alone and one in a batch run different code: neither may round less often than the other
                ext.extra_compile_args.append("-ffp-contract=off")
                ext.libraries.append("m")  # and with it the vector functions of the C library, where it has them
        super().run()


setup(
    libraries=[
        ("circuitnn_core", {"sources": SOURCES, "include_dirs": ["csrc"], "cflags": FLAGS, "obj_deps": {"": HEADERS}})
    ],
    ext_modules=cythonize(
        extensions(),
        build_dir="build/cython",
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "initializedcheck": DEBUG,
            "cdivision": True,
            "embedsignature": True,
        },
    ),
    cmdclass={"build_clib": BuildLibrary, "build_ext": BuildExtensions},
)
