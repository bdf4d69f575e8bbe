import pickle

from circuitnn.errors import ConvergenceError, NetlistError, Place, nearest


def test_a_message_shows_line_caret_expectation_and_hint():
    error = NetlistError(
        "unknown model 'dx'",
        place=Place("a.cir", 4, 8, "d1 a 0 dx"),
        expected="a .model card",
        hint="did you mean 'dz'?",
    )
    assert str(error).splitlines() == [
        "a.cir:4:8: unknown model 'dx'",
        "  d1 a 0 dx",
        "         ^",
        "  expected: a .model card",
        "  hint: did you mean 'dz'?",
    ]


def test_an_error_crosses_process_boundaries_whole():
    # multiprocessing sends errors this way; only our own objects are ever unpickled.
    error = pickle.loads(pickle.dumps(ConvergenceError("no", hint="h", names=["v(a)"], result=None)))
    assert (error.message, error.hint, error.names, str(error)) == ("no", "h", ("v(a)",), "no\n  hint: h")


def test_nearest_is_silent_when_nothing_is_near():
    assert nearest("zzz", ["tran", "ac"]) is None
