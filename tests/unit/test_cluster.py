"""Numbered runs on a Dask cluster: the numbers of one process, whatever dies or is broken off in between."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import sampled

import circuitnn as cn
from circuitnn.errors import AnalysisError, MissingExtraError, UsageError
from circuitnn.results.samples import Record
from circuitnn.runs import cluster as cluster_module
from circuitnn.runs.pool import Job, Part
from circuitnn.runs.store import RunStore
from circuitnn.runs.tasks import FunctionTask, Run

dask = pytest.importorskip("dask", reason="Dask is not installed")
distributed = pytest.importorskip("distributed", reason="Dask is not installed")

STEPPED = """\
stepped
v1 a 0 pulse(0 1 0 1n 1n 1)
r1 a b 1k
c1 b 0 {agauss(1u,0.05u,1)}
.tran 20u 3m
.measure tran end find v(b) at=1m
.corner nom
.corner high r1=2k
"""


@pytest.fixture(scope="module")
def address():
    """The scheduler of a cluster with a worker of four threads, which runs in this process."""
    made = distributed.LocalCluster(
        n_workers=1, threads_per_worker=4, processes=False, protocol="tcp://", dashboard_address="127.0.0.1:0"
    )
    with made:
        yield made.scheduler_address


def same(a, b, *names):
    return a.names() == b.names() and all((a[name].tolist() == b[name].tolist()) for name in names)


def test_a_cluster_gives_the_numbers_of_one_process(address):
    alone = cn.monte_carlo(sampled.area, 30, seed=1, workers=1)
    told = []
    shared = cn.monte_carlo(sampled.area, 30, seed=1, cluster=address, progress=told.append)
    assert same(alone, shared, "x", "seed", "wave") and shared.errors == {2: "ValueError: an unlucky run"}
    assert told == sorted(told) and told[-1] == 1.0


def test_decks_and_corners_travel_as_text(address, tmp_path):
    deck = cn.parse(STEPPED.split(".corner")[0] + ".mc 12 seed=4\n")
    assert same(cn.monte_carlo(deck, workers=1), cn.monte_carlo(deck, cluster=address), "end", "v(b)")
    deck = cn.parse(STEPPED)
    one, two = deck.run(), deck.run(cluster=address, store=tmp_path / "points")
    assert [*one] == [*two] and one.corners == two.corners
    assert one.measures["end"].tolist() == two.measures["end"].tolist()
    assert len(list((tmp_path / "points").glob("point-*.h5"))) == 2


def test_the_threads_of_a_worker_take_turns(address):
    assert cn.monte_carlo(sampled.together, 60, cluster=address)["value"].tolist() == [1.0] * 60


def test_a_worker_killed_in_mid_run_costs_its_part_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPLED_FOLDER", str(tmp_path))
    shared = cn.monte_carlo(sampled.killed_once, 40, seed=3, workers=2, cluster="local")
    calls = [path.name.partition("-")[::2] for path in tmp_path.iterdir()]
    assert len({pid for run, pid in calls if run == "13"}) == 2  # it was done once more, in another process
    # parts of at most 4 * 4 runs, so long as the first of a part has told how long one takes
    assert 41 <= len(calls) <= 40 + 16
    monkeypatch.setenv("SAMPLED_SPARED", "yes")
    alone = cn.monte_carlo(sampled.killed_once, 40, seed=3, workers=1)
    assert same(alone, shared, "x", "wave") and not shared.errors


def test_a_run_that_kills_every_worker_is_told_of(tmp_path):
    once = dask.config.set({"distributed.scheduler.allowed-failures": 1})  # of three, each of which takes a start
    with once, pytest.raises(AnalysisError, match=r"run.* 2 workers have died"):
        cn.monte_carlo(sampled.dying, 5, workers=1, cluster="local", store=tmp_path / "runs")
    kept = RunStore(tmp_path / "runs", FunctionTask(sampled.dying, 0, None, 1001).about()).load()
    assert 3 not in kept and 0 in kept


def test_errors_are_ours_and_name_the_run(address, monkeypatch, tmp_path):
    store = tmp_path / "runs"
    with pytest.raises(UsageError, match="run 2: the function returned str") as caught:
        cn.monte_carlo(sampled.wordy, 9, cluster=address, store=store)
    assert "a number" in caught.value.expected
    assert 2 not in RunStore(store, FunctionTask(sampled.wordy, 0, None, 1001).about()).load()
    with pytest.raises(UsageError, match="run 2: the function returned str"):
        cn.monte_carlo(sampled.wordy, 9, workers=2)
    with pytest.raises(AnalysisError, match="run 1: KeyError"):
        _broken(address)
    monkeypatch.setattr(cluster_module, "_hold", lambda task, version: (_ for _ in ()).throw(ImportError("no such")))
    with pytest.raises(AnalysisError, match=r"run \d: the cluster at .* cannot do them: ImportError: no such"):
        cn.monte_carlo(sampled.area, 3, cluster=address)


def _broken(address):
    class Broken:
        def __call__(self, index):
            return {}["absent"] if index == 1 else Record(index)

        def require_importable(self):
            pass

    Job(Broken(), [0, 1], {}, None, None, 2).run(None, address)


def test_another_version_on_the_workers_is_refused(address, monkeypatch):
    submit = distributed.Client.submit

    def other(self, function, *args, **keywords):
        return submit(self, function, *(("0.0.1" if word == cn.__version__ else word) for word in args), **keywords)

    monkeypatch.setattr(distributed.Client, "submit", other)
    with pytest.raises(UsageError, match=r"comes from 0\.0\.1"):
        cn.monte_carlo(sampled.area, 3, cluster=address)


@pytest.mark.parametrize("failure", [KeyboardInterrupt, UsageError("no"), BrokenProcessPool])
def test_parts_that_are_ready_when_it_ends_are_kept(failure):
    class Ready:
        least = 0.0

        def count(self):
            return 3

        def submit(self, indices):
            future = Future()
            future.set_result(Part([Record(k) for k in indices], 0.1))
            return future

        def close(self):
            pass

    def stop(part):
        raise failure

    done = {}
    with pytest.raises((KeyboardInterrupt, UsageError, AnalysisError)):
        Job(None, [*range(9)], done, None, stop, 9)._share(Ready())
    assert sorted(done) == [0, 1, 2, 3]  # all that were given away


def test_an_interrupt_keeps_what_is_done(address, tmp_path):
    def stop(part):
        time.sleep(1.1)  # longer than the number of workers is known without asking
        raise KeyboardInterrupt

    store = tmp_path / "runs"
    with pytest.raises(KeyboardInterrupt) as caught:
        cn.monte_carlo(sampled.area, 4000, cluster=address, store=store, progress=stop)
    done = len(caught.value.result)
    assert 0 < done < 4000
    kept = RunStore(store, FunctionTask(sampled.area, 0, None, 1001).about())
    assert len(kept.load()) == done
    assert len(cn.monte_carlo(sampled.area, done + 3, cluster=address, store=store)) == done + 3


def test_an_interrupt_from_the_keyboard_reaches_local_workers_too(tmp_path):
    """The terminal sends it to all processes of the group: workers must leave it to the one that started them."""
    script, store = tmp_path / "script.py", tmp_path / "runs"
    script.write_text(
        "import circuitnn as cn, sampled\n"
        "if __name__ == '__main__':\n"
        f"    cn.monte_carlo(sampled.slow, 400, workers=2, cluster='local', store={str(store)!r})\n"
    )
    paths = [str(Path(cn.__file__).parents[1]), str(Path(sampled.__file__).parent)]
    child = subprocess.Popen(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60.0
        while not list(store.glob("runs-*.npz")) and time.monotonic() < until and child.poll() is None:
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGINT)
        said = child.communicate(timeout=30.0)[1]
    finally:
        child.kill()
        child.wait()
    assert said.splitlines()[-1] == "KeyboardInterrupt" and said.count("Traceback") == 1, said
    kept = RunStore(store, FunctionTask(sampled.slow, 0, None, 1001).about()).load()
    assert 0 < len(kept) < 400
    alone = cn.monte_carlo(sampled.slow, max(kept) + 1, workers=1, store=store)
    assert all(alone["value"][k] == Run.of(0, k).rng.normal() for k in kept)


def test_a_lost_scheduler_keeps_what_is_done(caplog):
    made = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://", dashboard_address="127.0.0.1:0"
    )
    with made, dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        with pytest.raises(AnalysisError, match="was lost: its scheduler no longer answers") as caught:
            cn.monte_carlo(
                sampled.slow, 400, cluster=made.scheduler_address, progress=lambda part: part > 0.01 and made.close()
            )
        assert 0 < len(caught.value.result) < 400
    assert not [record for record in caplog.records if record.name == "distributed.client"]


def test_a_script_without_its_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import circuitnn as cn, sampled\ncn.monte_carlo(sampled.area, 9, workers=1, cluster='local')\n")
    paths = [str(Path(cn.__file__).parents[1]), str(Path(sampled.__file__).parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    child = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=60.0, check=False
    )
    assert child.returncode == 1 and "if __name__ == '__main__':" in child.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cluster": "somewhere"}, "cluster = 'somewhere'"),
        ({"cluster": "tcp://"}, "cluster = 'tcp://'"),
        ({"cluster": 3}, "cluster = 3"),
        ({"cluster": "tcp://host:1", "workers": 2}, "workers = 2 of tcp://host:1"),
        ({"cluster": "local", "workers": 0}, "workers = 0"),
    ],
)
def test_bad_clusters(options, message):
    with pytest.raises(UsageError, match=message):
        cn.monte_carlo(sampled.area, 3, **options)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_encryption_is_as_dasks_configuration_says(tmp_path):
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x", "-keyout", key, "-out", cert]
    subprocess.run(["openssl", "req", *words], capture_output=True, check=True)
    files = {}
    for side in ("client", "scheduler", "worker"):
        files |= {f"distributed.comm.tls.{side}.cert": cert, f"distributed.comm.tls.{side}.key": key}
    with dask.config.set({"distributed.comm.tls.ca-file": cert, **files}):
        made = distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, protocol="tls://", dashboard_address="127.0.0.1:0"
        )
        with made:
            assert made.scheduler_address.startswith("tls://")
            shared = cn.monte_carlo(sampled.area, 5, seed=1, cluster=made.scheduler_address)
    assert same(shared, cn.monte_carlo(sampled.area, 5, seed=1, workers=1), "x")


def test_functions_must_be_found_by_the_workers(address):
    with pytest.raises(UsageError, match="cannot be found"):
        cn.monte_carlo(lambda run: 1.0, 3, cluster=address)


def test_clusters_that_cannot_be_used(monkeypatch):
    monkeypatch.setattr(cluster_module, "_PATIENCE", 0.3)
    with pytest.raises(AnalysisError, match="cannot reach the cluster at tcp://127") as caught:
        cn.monte_carlo(sampled.area, 3, cluster="tcp://127.0.0.1:1")
    assert "dask scheduler" in caught.value.hint
    empty = distributed.LocalCluster(
        n_workers=0, threads_per_worker=1, processes=False, protocol="tcp://", dashboard_address="127.0.0.1:0"
    )
    with empty, pytest.raises(AnalysisError, match="has no workers"):
        cn.monte_carlo(sampled.area, 3, cluster=empty.scheduler_address)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"needs the library 'distributed'"):
        cn.monte_carlo(sampled.area, 3, cluster="local")


def test_the_command(tmp_path, monkeypatch, capsys, address):
    from circuitnn.cli.main import main

    monkeypatch.chdir(tmp_path)
    Path("rc.cir").write_text(STEPPED.split(".corner")[0] + ".mc 6 seed=4\n")
    said = []
    for words in ((), ("--cluster", address)):
        with pytest.raises(SystemExit) as left:
            main(["run", "rc.cir", "--json", *words])
        assert not left.value.code
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] and '"runs": 6' in said[0]
    with pytest.raises(SystemExit) as left:
        main(["run", "rc.cir", "--cluster", "nowhere"])
    assert left.value.code == 2
