"""Small decks that ask for too much: each ends at once in an error that says where, or is kept within bounds.

They run in a process of their own, with 2 GB of address space and a limit of processor time for each far above what it
needs: a deck that grows without bound fails its test, and takes nothing along.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import circuitnn as cn
from circuitnn.errors import CircuitnnError
from circuitnn.runs.control import interpreter

MEMORY = 2 << 30
#: CPU seconds of a deck; a second would do on a machine that is not busy.
SECONDS = 20
COMMANDS = 100_000


def nested(levels: int, calls: str) -> str:
    """Subcircuits that each call the one below twice."""
    lines = [".subckt s0 a", "r1 a 0 1", ".ends"]
    for k in range(1, levels):
        lines += [f".subckt s{k} a", *[f"x{j} a s{k - 1}" for j in range(2)], ".ends"]
    return "\n".join([*lines, calls.format(levels - 1)])


CIRCUIT = "title\nv1 a 0 dc 1 ac 1\nr1 a b 1k\nc1 b 0 1n\n"


def chained(levels: int) -> str:
    """Subcircuits that each call the next one."""
    calls = [f".subckt s{k} a\nx1 a s{k + 1}\n.ends\n" for k in range(levels)]
    return "".join([*calls, f".subckt s{levels} a\nr1 a 0 1\n.ends\n"])


REFUSED = {
    # expressions
    "deep parentheses": (CIRCUIT + ".param p={" + "(" * 5000 + "1" + ")" * 5000 + "}\n.op\n", 5, "nested too deeply"),
    "deep minus": (CIRCUIT + ".param p={" + "-" * 5000 + "1}\n.op\n", 5, "nested too deeply"),
    "many terms": (CIRCUIT + ".param p={" + "+".join(["1"] * 200_000) + "}\n.op\n", 5, "too many terms"),
    "powers": (CIRCUIT + ".param p={1e308**9**9**9}\n.op\n", 5, "it is too large"),
    "factors": (CIRCUIT + ".param p={" + "*".join(["1e300"] * 9) + "}\n.op\n", 5, "it is too large"),
    "squares of squares": (
        CIRCUIT + "\n".join([f".func f{k}(x) {{f{k - 1}(x)*f{k - 1}(x)}}" for k in range(1, 60)])
        + "\n.func f0(x) {x*x}\n.param p={f59(1)}\n.op\n", 65, "too large an expression",
    ),
    "squares of the circuit": (
        CIRCUIT + "\n".join([f".func f{k}(x) {{f{k - 1}(x)*f{k - 1}(x)}}" for k in range(1, 60)])
        + "\n.func f0(x) {x*x}\nb1 c 0 v={f59(v(a))}\n.op\n", 65, "too large an expression",
    ),
    "function of itself": (CIRCUIT + ".func f(x) {f(x-1)}\n.param p={f(3)}\n.op\n", 5, "call each other"),
    "parameter of itself": (CIRCUIT + ".param p={q} q={p}\n.op\n", 5, "depend on each other"),
    # expansion
    "doubling": ("title\n" + nested(40, "x1 a s{}") + "\n.op\n", None, "expands to 549755813888 elements"),
    "recursion": ("title\n.subckt s a\nx1 a s\n.ends\nx1 a s\n.op\n", 3, "contain each other"),
    "deep calls": ("title\n" + chained(200) + "x1 a s0\n.op\n", None, "too deep"),
    "deep definitions": (
        "title\n" + "\n".join(f".subckt s{k} a" for k in range(200)) + "\n.ends" * 200 + "\n.op\n",
        102,
        "nested too deeply",
    ),
    "deep conditions": ("title\n" + ".if (1)\n" * 200 + ".op\n", 102, "nested too deeply"),
    "nodes": (CIRCUIT + ".model xb crossbar\na1 [r<0:999999999>] [c<0:3>] xb g=1u\n.op\n", 6, "nodes"),
    # steps and sweeps
    "step": (CIRCUIT + ".step param p 1 1e12 1\n.param p=1\n.op\n", 5, "a step of 1"),
    "step to infinity": (CIRCUIT + ".step r1 -1e308 1e308 1e-300\n.op\n", 5, "a step of 1e-300"),
    "step of decades": (CIRCUIT + ".step dec r1 1 1e300 1e12\n.op\n", 5, "points"),
    "nested steps": (CIRCUIT + ".step r1 1 1e4 1\n.step c1 1 1e4 1\n.op\n", 5, "too many points"),
    "dc": (CIRCUIT + ".dc v1 0 1 1e-12\n", 5, "1e+12 points"),
    "dc to infinity": (CIRCUIT + ".dc v1 -1e308 1e308 1\n", 5, "inf points"),
    "dc by dc": (CIRCUIT + ".dc v1 0 1 1e-7 r1 1 2 1e-7\n", 5, "of memory"),
    "ac": (CIRCUIT + ".ac lin 1e12 1 1meg\n", 5, "a sweep of 1e+12 points"),
    "ac of decades": (CIRCUIT + ".ac dec 1e300 1e-300 1e300\n", 5, "points"),
    "noise": (CIRCUIT + ".noise v(b) v1 dec 1e12 1 1meg\n", 5, "a sweep of 6e+12 points"),
    "sens": (CIRCUIT + ".sens v(b) ac lin 1e12 1 1meg\n", 5, "a sweep of 1e+12 points"),
    "tran": (CIRCUIT + ".tran 1n 1meg\n", 5, "1e+15 steps"),
    "tran memory": (CIRCUIT + ".tran 1n 50\n", 5, "of memory"),
    "random numbers": (CIRCUIT + "v2 c 0 trnoise(1 1e-15 0 0)\nr2 c 0 1\n.tran 1n 1\n", 5, "random values"),
    # scripts
    "repeat": (CIRCUIT + ".control\nrepeat 1e12\nend\n.endc\n", 6, "does not end"),
    "while": (CIRCUIT + ".control\nwhile 1\nend\n.endc\n", 6, "does not end"),
    "while it writes": (CIRCUIT + ".control\nwhile 1\necho x\nend\n.endc\n", 6, "does not end"),
    "loops in loops": (CIRCUIT + ".control\nrepeat\nrepeat 1e9\nlet x=1\nend\nend\n.endc\n", 8, "commands"),
    "deep loops": (CIRCUIT + ".control\n" + "repeat 9\n" * 200 + "end\n" * 200 + ".endc\n", 56, "nested too deeply"),
    # files
    "itself": (CIRCUIT + ".include deck.cir\n.op\n", 5, "include each other"),
    "folder": (CIRCUIT + ".include .\n.op\n", 5, "is a folder"),
    "zeros": (CIRCUIT + ".include /dev/zero\n.op\n", 5, "not a regular file"),
    "pipe": (CIRCUIT + ".include pipe\n.op\n", 5, "not a regular file"),
    "pipe of numbers": (CIRCUIT + ".model xb crossbar\na1 [a] [b] xb g=\"pipe.npy\"\n.op\n", 6, "not a regular file"),
    "files in files": (CIRCUIT + ".include 0.inc\n.op\n", None, "included too deeply"),
    "sparse file": (CIRCUIT + ".include large\n.op\n", 5, "has 1099511627776 bytes"),
    "points of zeros": (CIRCUIT + "v2 c 0 pwl(file=/dev/zero)\n.op\n", 5, "not a regular file"),
    "long line": (CIRCUIT + "* " + "x" * 1_100_000 + "\n.op\n", 5, "a line of 1100002 characters"),
    "long continuation": (CIRCUIT + "r2 a b 1\n" + "+ m=1\n" * 10, 7, "given twice"),
}  # fmt: skip


ALLOWED = {
    # These are large and still within bounds.
    "long sum": CIRCUIT + ".param p={" + "+".join(["1"] * 30_000) + "}\n.op\n",
    "long table": CIRCUIT
    + "b1 c 0 v={table(v(a),"
    + ",".join(f"{k},{k % 7}" for k in range(5_000))
    + ")}\nr2 c 0 1\n.op\n",
    "chain of parameters": CIRCUIT
    + "\n".join([f".param p{k}={{p{k + 1}}}" for k in range(5_000)])
    + "\n.param p5000=1\n.op\n",
    "many instances": "title\n" + nested(14, "x1 a s{}") + "\ni1 0 a 1\n.op\n",
    "vectors": CIRCUIT + ".control\nlet x = vector(1e12)\nlet x = unitvec(1e12)\ncompose y start=0 stop=1e12 step=1\n"
    "compose z start=0 stop=1 lin=1e12\nop\n.endc\n",
    "fourier": CIRCUIT + ".options nfreqs=1e9 fourgridsize=1e9\n.four 1meg v(b)\n.tran 10n 2u\n",
}


def judge(text: str) -> dict:
    """Run a deck, and return the message of the error that it ends in, and what it took."""
    Path("deck.cir").write_text(text)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    start = time.process_time()
    try:
        cn.load("deck.cir").run()
        said = ""
    except CircuitnnError as error:
        said = str(error)
    except BaseException as error:
        said = f"stray {type(error).__name__}: {str(error)[:500]}"
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return {"said": said[:3000], "seconds": time.process_time() - start}


def _expire(signum: int, frame: object) -> None:
    raise TimeoutError


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bounds")
    done = subprocess.run(
        [sys.executable, __file__, str(folder / "report.json")], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "report.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("case", REFUSED)
def test_refused(outcomes, case):
    _, line, words = REFUSED[case]
    said = outcomes[case]["said"]
    assert words in said and not said.startswith("stray"), said
    assert line is None or said.startswith(f"deck.cir:{line}:"), said


@pytest.mark.slow
@pytest.mark.parametrize("case", ALLOWED)
def test_allowed(outcomes, case):
    assert outcomes[case]["said"] == ""


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGVTALRM, _expire)
    interpreter.MAX_COMMANDS = COMMANDS
    for pipe in ("pipe", "pipe.npy"):
        os.mkfifo(pipe)
    for k in range(200):
        Path(f"{k}.inc").write_text(f".include {k + 1}.inc\n")
    Path("large").touch()
    os.truncate("large", 1 << 40)
    decks = {**{name: case[0] for name, case in REFUSED.items()}, **ALLOWED}
    Path(sys.argv[1]).write_text(json.dumps({name: judge(text) for name, text in decks.items()}))
