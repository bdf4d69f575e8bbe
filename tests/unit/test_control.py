"""Scripts of .control blocks: the language, its bounds, and what is refused."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.cli.main import main
from circuitnn.errors import NetlistError
from circuitnn.results.rawfile import read_raw

DIVIDER = "t\n.param r=1k\nv1 a 0 dc 1 ac 1\nr1 a b {r}\nr2 b 0 1k\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda script, deck=DIVIDER: cn.parse(f"{deck}.control\n{script}\n.endc\n").run()


def test_analyses_make_plots_and_results(run):
    results = run("op\nprint v(b)\ndc v1 0 2 1\nprint v(b)[2]\nsetplot op1\nprint v(b)*2")
    assert results.printed == ["v(b) = 5.000000e-01", "v(b)[2] = 1.000000e+00", "v(b)*2 = 1.000000e+00"]
    assert list(results) == ["op1", "dc1"] and results.dc["v(b)"][2] == pytest.approx(1.0)


def test_run_means_the_cards(run):
    results = run("run\nquit\necho never", DIVIDER + ".op\n.dc v1 0 1 1\n.meas dc top max v(b)\n")
    assert list(results) == ["op1", "dc1"] and results.measures["top"] == pytest.approx(0.5)
    assert results.printed == []


def test_a_script_that_runs_nothing_leaves_the_cards_to_be_run(run):
    assert list(run("echo hello", DIVIDER + ".op\n")) == ["op1"]


def test_measures_become_vectors(run):
    results = run("dc v1 0 2 1\nlet p = v(b)*2\nmeas dc m max p\nlet twice = m*2\nprint twice")
    assert results.measures["m"] == pytest.approx(2.0)
    assert results.printed[-1] == "twice = 4.000000e+00"


def test_altering_and_reset(run):
    results = run("alter r2 = 3k\nop\nprint v(b)\nreset\nop\nprint v(b)\nalterparam r=3k\nreset\nop\nprint v(b)")
    assert [line.split()[2] for line in results.printed] == ["7.500000e-01", "5.000000e-01", "2.500000e-01"]


def test_variables(run):
    results = run("set x = ( 1 2 3 )\necho $x[2] $#x $?x $?y\nset y = 5\necho $y% {$y}k\nunset y\necho $?y")
    assert results.printed == ["2 3 1 0", "5% 5k", "0"]


def test_a_command_that_cannot_be_done_is_a_warning_with_its_line(run):
    results = run("op\nprint v(nosuch)\nalter r9 = 1\necho on")
    assert results.printed == ["on"]
    assert [w.split(":")[1] for w in results.warnings] == ["8", "9"]
    assert "nosuch" in results.warnings[0] and "r9" in results.warnings[1]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("while 1\necho x\n", "while is not closed"),
        ("end", "end without a loop"),
        ("else", "else without if"),
        ("pirnt v(a)", "no command 'pirnt'"),
        ("if nosuch > 1\necho a\nend", "nosuch"),
        ("op 1 2", ".op"),
        ("break", "break outside a loop"),
        ("foreach\nend", "foreach without"),
        ("meas tran a frob v(a)", "no measurement 'frob'"),
    ],
)
def test_mistakes_have_their_place(run, script, words):
    with pytest.raises(NetlistError) as caught:
        run(script)
    assert words in caught.value.message and caught.value.place.line >= 7


def test_loops_end(run, monkeypatch):
    monkeypatch.setattr("circuitnn.runs.control.interpreter.MAX_COMMANDS", 1000)
    with pytest.raises(NetlistError, match=r"loop does not end|too many commands"):
        run("while 1\nend")


def test_nothing_runs_a_shell_or_leaves_the_folder(run, tmp_path):
    (tmp_path / "inside").mkdir()
    results = run(
        "shell touch made\nsource other.cir\nop\nwrdata ../out v(b)\nwrdata /tmp/out v(b)\nwrite ~/x.raw\n"
        "wrdata inside/ok v(b)\nwrdata inside/../../out v(b)"
    )
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["inside", "inside/ok"]
    assert len(results.warnings) == 6
    assert not (tmp_path.parent / "out").exists()


def test_write(run, tmp_path):
    run("dc v1 0 2 1\nlet twice = v(b)*2\nwrite a.raw v(b) twice\nset filetype=ascii\nset appendwrite\nop\nwrite a.raw")
    results = read_raw(tmp_path / "a.raw")
    assert list(results) == ["dc1", "op1"]
    assert results.dc["twice"].tolist() == pytest.approx([0.0, 1.0, 2.0])


def test_scripts_survive_writing(run):
    deck = cn.parse(DIVIDER + '.control\nforeach x 1k 2k\n  alter r1 = $x\n  op\nend\necho "Two  Words"\n.endc\n')
    assert cn.parse(deck.to_text()) == deck
    results = deck.run()
    assert results.printed == ["Two  Words"]
    assert np.allclose([r["v(b)"] for r in results.values()], [0.5, 1 / 3])


def test_lines_go_into_files(run, tmp_path):
    results = run("op\nprint v(b) > a.txt\necho more >> a.txt\necho no > ../a.txt\necho shown")
    assert results.printed == ["shown"]
    assert (tmp_path / "a.txt").read_text() == "v(b) = 5.000000e-01\nmore\n"
    assert len(results.warnings) == 1 and not (tmp_path.parent / "a.txt").exists()


def test_check_reads_scripts(tmp_path, capsys):
    deck = tmp_path / "a.cir"
    deck.write_text(f"{DIVIDER}.control\nopp\n.endc\n")
    with pytest.raises(SystemExit) as caught:
        main(["check", str(deck)])
    assert caught.value.code == 2 and "no command 'opp'" in capsys.readouterr().err
    deck.write_text(f"{DIVIDER}.control\nop\n.endc\n")
    with pytest.raises(SystemExit) as caught:
        main(["check", str(deck)])
    assert caught.value.code == 0
