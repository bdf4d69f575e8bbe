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


def test_a_condition_that_has_no_value_counts_as_false_with_a_warning(run):
    results = run("op\nif nosuch > 1\necho yes\nelse\necho no\nend\nif $nix\necho yes\nend")
    assert results.printed == ["no"]
    assert ["nosuch" in w for w in results.warnings] == [True, False] and "'nix'" in results.warnings[1]


def test_a_measure_that_cannot_be_read_is_a_warning(run):
    results = run("tran 1u 10u\nmeas tran a frob v(a)\necho on")
    assert results.printed == ["on"] and "no measurement 'frob'" in results.warnings[0]


def test_measures_at_what_is_known_by_name(run):
    script = (
        "tran 1u 10u\nlet x = 4u\nmeas tran y find v(a) at=x\nmeas tran z avg v(b) from='x' to={2*x}\n"
        "let level = 2\nmeas tran w trig v(a) val=level rise=1 targ v(a) val='2*level' rise=1"
    )
    ramp = "t\nv1 a 0 pwl(0 0 10u 10)\nr1 a b 1k\nr2 b 0 1k\n"
    measures = run(script, ramp).measures
    assert [measures[name] for name in "yzw"] == pytest.approx([4.0, 3.0, 2e-6], rel=1e-9, abs=0.0)


def test_functions_of_a_script(run):
    results = run(
        "define off(a, b, err) abs(a-b) > err\ndefine twice(x) 2*x\nop\nlet y = twice(twice(v(b)))\nprint y\n"
        "if off(v(b), 0.5, 1e-9)\necho off\nelse\necho on\nend\nundefine twice\nprint twice(1)"
    )
    assert results.printed == ["y = 2.000000e+00", "on"] and "twice" in results.warnings[-1]


def test_strcmp_compares_texts(run):
    assert run("set a = xy\nstrcmp f $a xy\nstrcmp g a b\nstrcmp h b a\necho $f $g $h\nop").printed == ["0 -1 1"]


def test_random_numbers_of_a_script_are_the_same_each_time(run):
    script = "let x = sgauss(unitvec(2000))\nlet m = mean(x)\nlet s = stddev(x)\nprint m s sunif(0) x[3]"
    results = run(script)
    # the mean of 2000 numbers is within 0.1 in all but one of 10^5 seeds, and so is their deviation
    values = [float(line.split(" = ")[1]) for line in results.printed]
    assert abs(values[0]) < 0.1 and abs(values[1] - 1.0) < 0.1 and abs(values[2]) <= 1.0
    assert results.printed == run(script).printed


def test_spectra_of_vectors(run):
    results = run(
        "let x = 0.5 + cos(2*pi*vector(8)/8)\nlet y = fft(x)\nlet z = ifft(fft(x + j(0)))\n"
        "print length(y) y[0] y[1] z[1]"
    )
    values = [complex(*map(float, line.split(" = ")[1].split(","))) for line in results.printed]
    assert values == pytest.approx([5.0, 1.0, 1.0, 0.5 + np.sqrt(0.5)], abs=1e-5)


def test_a_script_without_an_analysis_succeeds_and_writes_no_raw_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    deck = tmp_path / "deck.cir"
    deck.write_text(DIVIDER + ".control\necho hello\n.endc\n")
    with pytest.raises(SystemExit, match="0"):
        main(["run", str(deck), "-o", "out.raw"])
    assert "hello" in capsys.readouterr().out and not (tmp_path / "out.raw").exists()


def test_poles_are_vectors_and_impedances_are_shown(tmp_path, capsys):
    deck = tmp_path / "deck.cir"
    deck.write_text("t\nv1 a 0 1\nr1 a b 1k\nc1 b 0 1n\n.pz a 0 b 0 vol pz\n.print pz all\n.tf v(b) v1\n.end\n")
    with pytest.raises(SystemExit, match="0"):
        main(["run", str(deck)])
    out = capsys.readouterr()
    assert "pole(1)" in out.out and "output_impedance_at_v(b)" in out.out and "no all" not in out.err


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
        ("op 1 2", ".op"),
        ("break", "break outside a loop"),
        ("foreach\nend", "foreach without"),
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


def test_periodic_states_in_scripts(run):
    deck = "van der pol\nl1 a 0 1\nc1 a 0 1 ic=1\nb1 a 0 i=-v(a)+v(a)*v(a)*v(a)/3\n"
    results = run("pss 0.15 60 a uic\nmeas pss top max v(a)\nprint time[length(time)-1]", deck)
    assert list(results) == ["pss1"] and results.warnings == []
    assert float(results.printed[-1].split("=")[1]) == pytest.approx(6.663287, rel=1e-6)
