"""The grammar of element lines, one function a letter."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations_with_replacement

from circuitnn.errors import NetlistError, Place, nearest
from circuitnn.netlist.cursor import Cursor, begun
from circuitnn.netlist.expression import Binary, Call, Expression, Name, Number, Probe, shorten
from circuitnn.netlist.flat import DataFile
from circuitnn.netlist.statements import ElementStatement, SourceFunction, Tolerance, Value
from circuitnn.netlist.tolerance import is_tolerance, read_tolerance
from circuitnn.netlist.vectors import read_vector

#: Initial values by letter, in the order of ``ic=``, where they are several.
INITIAL = {
    "t": ("ic_v1", "ic_i1", "ic_v2", "ic_i2"),
    "m": ("ic_vds", "ic_vgs", "ic_vbs"),
    "q": ("ic_vbe", "ic_vce"),
    "j": ("ic_vds", "ic_vgs"),
}
PRIMARY = {"r": "resistance", "c": "capacitance", "l": "inductance"}
_ARGUMENTS = {
    "pulse": (2, 8), "sin": (2, 6), "exp": (2, 6), "pwl": (2, None), "sffm": (2, 7), "am": (2, 7), "trnoise": (1, 7),
    "trrandom": (2, 5),
}  # fmt: skip
_SAME = {"pwlfile": "pwl", "sine": "sin"}
_PWL_FILE = ("file", "pwlfile")
_PWL_OPTIONS = ("r", "td")
_FUNCTIONS = ", ".join(_ARGUMENTS).upper()
_REFUSED = {
    "external": 'give its values: pwl(0 0 ...), or pwl file="values.txt"',
    "pat": "write the bits as PWL",
    "portnum": "S parameters are not computed",
}
_DISTORTION = ("distof1", "distof2")
_SOURCE_WORDS = frozenset(("dc", "ac", *_SAME, *_ARGUMENTS, *_REFUSED, *_DISTORTION))
_MAX_POLY = 20
#: Parameters of a source beside its expression.
_BEHAVIOURAL = frozenset(("m", "tc1", "tc2", "temp", "dtemp"))
_DATA_NAME = re.compile(r"\.(npy|npz|csv)\b")
_NAMED_LATER = {
    "o": "lossy lines (O)",
    "u": "RC lines (U)",
    "p": "coupled lines (P)",
    "y": "lossy lines (Y)",
    "z": "MESFETs (Z)",
}

Grammar = Callable[[Cursor, str, Place], ElementStatement]


def parse_element(cursor: Cursor) -> ElementStatement:
    """Return the statement of an element line; raise NetlistError with its usage when malformed."""
    place = cursor.place
    name = cursor.word("an element")
    letter = name[0]
    grammar = GRAMMARS.get(letter)
    if grammar is None:
        what = _NAMED_LATER.get(letter)
        if what is None:
            cursor.error(
                f"{shorten(name)} is no element", last=True, expected=f"a letter of {' '.join(GRAMMARS)} first"
            )
        cursor.error(f"{name}: {what} are not supported yet", last=True)
    try:
        return grammar(cursor, name, place)
    except NetlistError as error:
        if error.expected is None and letter in USAGE:
            error.expected = USAGE[letter]
        raise


def _nodes(cursor: Cursor, name: str, count: int) -> tuple[str, ...]:
    nodes = []
    opened = cursor.take("(")
    for k in range(count):
        if cursor.done or cursor.at_assignment() or cursor.char in "(){}'\"":
            cursor.error(f"{name} has {k} node{'s' * (k != 1)} of {count}", expected=USAGE[name[0]])
        nodes.append(cursor.word("a node"))
    if opened and not cursor.take(")"):
        cursor.error(f"the nodes of {name} are not closed", expected=")")
    return tuple(nodes)


def _two_terminal(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    nodes = _nodes(cursor, name, 2)
    primary = PRIMARY[name[0]]
    params: dict[str, Value] = {}
    tolerances: list[Tolerance] = []
    model = None
    while not cursor.done:
        key = cursor.assignment()
        if key is not None:
            at = cursor.last
            if is_tolerance(key):
                tolerances.append(read_tolerance(cursor, key, primary))
                continue
            if key == "tc":
                cursor.put(params, "tc1", cursor.value("tc"))
                if cursor.at_value():
                    cursor.put(params, "tc2", cursor.value("tc"))
                continue
            value = cursor.value(f"the value of {key}")
            cursor.last = at
            # "l=" of a resistor or capacitor is its drawn length; only its own letter is its value, or q= its charge.
            cursor.put(params, primary if key in (name[0], primary) else key, value)
        elif primary not in params and (cursor.char in "{'\"" or begun(cursor.peek()) is not None):
            params[primary] = cursor.value("the value")
        else:
            word = cursor.word("the value or a model")
            if model is not None or begun(word) is not None:
                cursor.error(f"unexpected {shorten(word)}", last=True)
            if not (word[0].isalpha() or word[0] == "_"):
                cursor.to_value(word, "the value")
                cursor.error(f"{shorten(word)} is neither a value nor a model", last=True)
            model = word
    charge = name[0] == "c" and "q" in params
    if primary not in params and model is None and not charge:
        cursor.error(f"{name} has no value", hint="a part without a value is refused, not guessed")
    if charge and primary in params:
        cursor.error(f"{name} has a capacitance and a charge", expected="one of the two")
    return ElementStatement(name, nodes, params, model, place=place, tolerances=tuple(tolerances))


def _source(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    nodes = _nodes(cursor, name, 2)
    params: dict[str, Value] = {}
    function = None
    while not cursor.done:
        key = cursor.assignment()
        if key is not None:
            at = cursor.last
            if key == "pwlfile" and function is None:
                function = SourceFunction("pwl", (), {}, _pwl_file(cursor))
                continue
            if key in _PWL_OPTIONS and function is not None and function.kind == "pwl":
                cursor.put(function.options, key, cursor.value(f"the value of {key}"))
                continue
            if key not in ("dc", "ac", "m"):
                cursor.error(f"{name} has no parameter {key!r}", last=True)
            value = cursor.value(f"the value of {key}")
            cursor.last = at
            cursor.put(params, {"ac": "acmag"}.get(key, key), value)
            continue
        wrapped = (
            cursor.char == "("
            and Cursor(cursor.line, cursor.pos + 1).peek() in (*_ARGUMENTS, *_SAME)
            and cursor.take("(")
        )
        if cursor.char in "{'\"" or cursor.peek() not in _SOURCE_WORDS:
            word = cursor.peek()
            if word.isidentifier() and cursor.text.startswith("(", cursor.pos + len(word)):
                hint = nearest(word, _ARGUMENTS)
                cursor.error(f"{name}: there is no time function {shorten(word)}", expected=_FUNCTIONS, hint=hint)
            value = cursor.value(f"a DC value, AC, or one of {_FUNCTIONS}")
            cursor.put(params, "dc", value)
            continue
        word = cursor.word("a keyword")
        if word == "dc":
            if cursor.at_value(_SOURCE_WORDS):
                cursor.put(params, "dc", cursor.value("the DC value"))
        elif word == "ac":
            magnitude = cursor.value("the AC magnitude") if cursor.at_value(_SOURCE_WORDS) else 1.0
            cursor.put(params, "acmag", magnitude)
            if cursor.at_value(_SOURCE_WORDS):
                cursor.put(params, "acphase", cursor.value("the AC phase"))
        elif word in _REFUSED:
            cursor.error(
                f"{name}: {word.upper()} is not supported", last=True, expected=_FUNCTIONS, hint=_REFUSED[word]
            )
        elif word in _DISTORTION:
            # They matter to distortion analysis only, which is refused by its card.
            while cursor.at_value(_SOURCE_WORDS):
                cursor.value("a magnitude or phase")
        elif function is not None:
            cursor.error(f"{name} has two time functions", last=True)
        else:
            function = _function(cursor, name, _SAME.get(word, word))
            if wrapped and not cursor.take(")"):
                cursor.error(f"({word.upper()} is not closed", expected=")")
    return ElementStatement(name, nodes, params, function=function, place=place)


def _pwl_file(cursor: Cursor) -> DataFile:
    where, start = cursor.line.place(cursor.pos), cursor.pos
    if cursor.char in ("'", '"'):
        return DataFile(cursor.raw_word("a file of times and values"), place=where)
    word = cursor.word("a file of times and values")
    return DataFile(cursor.line.raw[start : start + len(word)], place=where)


def _function(cursor: Cursor, name: str, kind: str) -> SourceFunction:
    at = cursor.last
    opened = cursor.take("(")
    args: list[Value] = []
    options: dict[str, Value] = {}
    data = None
    while not cursor.done and cursor.char != ")":
        key = cursor.assignment() if kind == "pwl" and (opened or _pwl_key(cursor)) else None
        if key is None and not opened and not cursor.at_value(_SOURCE_WORDS - {"pwlfile"}):
            break
        if key in _PWL_FILE or (kind == "pwl" and not args and data is None and _names_file(cursor)):
            data = _pwl_file(cursor)
        elif key is not None:
            if key not in _PWL_OPTIONS:
                cursor.error(f"{name}: PWL has no {key!r}", last=True, expected="r=, td= or file=")
            cursor.put(options, key, cursor.value(f"the value of {key}"))
        else:
            if cursor.at_assignment():
                cursor.error(f"{cursor.found()}= in {kind.upper()} is not known")
            args.append(cursor.value(f"an argument of {kind.upper()}"))
    if opened and not cursor.take(")"):
        cursor.error(f"{kind.upper()}( is not closed", expected=")")
    low, high = _ARGUMENTS[kind]
    cursor.last = at
    if data is not None:
        if args:
            cursor.error(f"{name}: PWL with values and a file", last=True, expected="one of the two")
        return SourceFunction(kind, (), options, data)
    if kind == "am" and high is not None and len(args) > high:
        cursor.doubts.append((at, f"what follows the {high} values of AM counts for nothing, as in ngspice"))
        del args[high:]
    if len(args) < low or (high is not None and len(args) > high):
        count = f"{low} to {high}" if high else f"at least {low}"
        cursor.error(f"{name}: {kind.upper()} of {len(args)} values", last=True, expected=f"{count} values")
    if kind == "pwl" and len(args) % 2:
        cursor.error(f"{name}: PWL of {len(args)} values", last=True, expected="pairs of time and value")
    return SourceFunction(kind, tuple(args), options)


def _pwl_key(cursor: Cursor) -> bool:
    return cursor.peek() in (*_PWL_OPTIONS, *_PWL_FILE) and cursor.at_assignment()


def _names_file(cursor: Cursor) -> bool:
    """Read ``file`` before a name in quotes; whether a file's name comes next."""
    if cursor.peek() in _PWL_FILE:
        cursor.word("file")
        return True
    return cursor.char == '"' and cursor.text.find(".", cursor.pos, cursor.text.find('"', cursor.pos + 1)) > 0


def _as_expression(value: Value) -> Expression:
    return value if isinstance(value, Expression) else Number(value)


def _loosen(cursor: Cursor) -> None:
    while cursor.char in ("(", ")"):
        cursor.take(cursor.char)


def _poly_count(cursor: Cursor) -> int:
    cursor.word("POLY")
    cursor.take("(")
    count = cursor.value("the number of dimensions")
    if not isinstance(count, float) or count not in range(1, _MAX_POLY + 1):
        cursor.error("POLY of no whole number of dimensions", last=True, expected=f"1 to {_MAX_POLY}")
    cursor.take(")")
    return int(count)


def _coefficients(cursor: Cursor, name: str, dimensions: int) -> tuple[Value, ...]:
    coefficients: list[Value] = []
    _loosen(cursor)
    while not cursor.done and not cursor.at_assignment():
        coefficients.append(cursor.value("a coefficient"))
        _loosen(cursor)
    if not coefficients:
        cursor.error(f"{name}: POLY without coefficients")
    if dimensions == 1 and len(coefficients) == 1:
        coefficients.insert(0, 0.0)
    return tuple(coefficients)


def polynomial(statement: ElementStatement) -> Expression:
    """Return the expression of POLY: the constant, then all products of one variable, of two, of three, ..."""
    pairs = zip(statement.nodes[2::2], statement.nodes[3::2], strict=True)
    variables = [Probe("v", pair) for pair in pairs] or [Probe("i", (name,)) for name in statement.controls]
    coefficients = statement.poly
    products = _products(variables, len(coefficients))
    total: Expression | None = None
    for coefficient, product in zip(coefficients, products, strict=True):
        if coefficient == 0.0:
            continue
        term = _as_expression(coefficient)
        for factor in product:
            term = Binary("*", term, factor)
        total = term if total is None else Binary("+", total, term)
    return total or Number(0.0)


def _products(variables: list[Probe], count: int) -> list[tuple[Probe, ...]]:
    products: list[tuple[Probe, ...]] = []
    degree = 0
    while len(products) < count:
        for product in combinations_with_replacement(variables, degree):
            products.append(product)
            if len(products) == count:
                break
        degree += 1
    return products


def _table(cursor: Cursor) -> Expression:
    cursor.word("TABLE")
    cursor.take("=")
    argument = _as_expression(cursor.braced()) if cursor.char in ("{", "'", '"') else cursor.expression()
    cursor.take("=")
    args = [argument]
    _loosen(cursor)
    at = cursor.pos
    while not cursor.done and not cursor.at_assignment():
        args.append(_as_expression(cursor.value("a value of TABLE")))
        _loosen(cursor)
    if len(args) < 3 or len(args) % 2 == 0:
        raise cursor.failure(at, f"TABLE of {len(args) - 1} values", expected="pairs (x, y), ...")
    return Call("table", tuple(args))


def _gain(cursor: Cursor) -> dict[str, Value]:
    gain = cursor.value("the gain")
    params: dict[str, Value] = {"gain": gain}
    for key, value in cursor.assignments().items():
        if key != "m":
            cursor.error(f"unknown parameter {key!r}", last=True)
        params[key] = value
    return params


def _multiplier(cursor: Cursor, name: str) -> dict[str, Value]:
    params = cursor.assignments()
    unknown = sorted(set(params) - _BEHAVIOURAL)
    if unknown:
        cursor.error(f"{name} has no parameter {unknown[0]!r}", last=True, expected=" ".join(sorted(_BEHAVIOURAL)))
    return params


def _behaviour(
    cursor: Cursor, name: str, nodes: tuple[str, ...], tree: Expression, kind: str, place: Place
) -> ElementStatement:
    return ElementStatement(name, nodes, _multiplier(cursor, name), expression=tree, kind=kind, place=place)


def _voltage_controlled(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    kind = "v" if name[0] == "e" else "i"
    nodes = _nodes(cursor, name, 2)
    following = cursor.peek()
    if following in ("value", "vol", "cur"):
        ahead = Cursor(cursor.line, cursor.pos + len(following))
        if ahead.take("=") or ahead.char in ("{", "'"):
            cursor.pos = ahead.pos
            return _behaviour(cursor, name, nodes, cursor.expression(), kind, place)
    if following == "poly" and Cursor(cursor.line, cursor.pos + 4).char == "(":
        count = _poly_count(cursor)
        for _ in range(2 * count):
            _loosen(cursor)
            nodes += (cursor.word("a controlling node"),)
        poly = _coefficients(cursor, name, count)
        return ElementStatement(name, nodes, _multiplier(cursor, name), kind=kind, poly=poly, place=place)
    if following == "table":
        return _behaviour(cursor, name, nodes, _table(cursor), kind, place)
    if following in ("laplace", "freq", "chebyshev"):
        cursor.error(f"{name}: {following.upper()} is not supported yet")
    _loosen(cursor)
    sensed = [cursor.word("a controlling node")]
    sensed.append(cursor.word("a controlling node"))
    _loosen(cursor)
    return ElementStatement(name, (*nodes, *sensed), _gain(cursor), place=place)


def _current_controlled(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    kind = "v" if name[0] == "h" else "i"
    nodes = _nodes(cursor, name, 2)
    if cursor.peek() == "poly" and Cursor(cursor.line, cursor.pos + 4).char == "(":
        controls: tuple[str, ...] = ()
        count = _poly_count(cursor)
        for _ in range(count):
            _loosen(cursor)
            controls += (cursor.word("a voltage source"),)
        poly = _coefficients(cursor, name, count)
        params = _multiplier(cursor, name)
        return ElementStatement(name, nodes, params, controls=controls, kind=kind, poly=poly, place=place)
    control = cursor.word("the voltage source whose current is sensed")
    return ElementStatement(name, nodes, _gain(cursor), controls=(control,), place=place)


def _behavioural(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    nodes = _nodes(cursor, name, 2)
    kind = cursor.assignment()
    if kind not in ("v", "i"):
        cursor.error(f"{name} has no v= or i=", last=kind is not None)
    return _behaviour(cursor, name, nodes, cursor.expression(), kind, place)


def _coupling(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    inductors: tuple[str, ...] = (cursor.word("an inductor"), cursor.word("an inductor"))
    while cursor.peek().startswith("l"):
        inductors += (cursor.word("an inductor"),)
    value = cursor.value("the coupling")
    cursor.finish()
    return ElementStatement(name, (), {"coupling": value}, controls=inductors, place=place)


def _junctions(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    nodes = _nodes(cursor, name, 2 if name[0] == "d" else 3)
    model = cursor.word("a model")
    return ElementStatement(name, nodes, _area_and_more(cursor, name[0]), model, place=place)


def _area_and_more(cursor: Cursor, letter: str) -> dict[str, Value]:
    params: dict[str, Value] = {}
    if cursor.at_value(frozenset(("off",))):
        params["area"] = cursor.value("the area")
    split = _initial(letter)
    for key, value in cursor.assignments(flags=("off",), split=split).items():
        cursor.put(params, key, value)
    return params


def _bipolar(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    # Only where models are known is it clear which word is the model: a node or an area may follow or precede it.
    words: list[str] = []
    opened = cursor.take("(")
    while not (
        cursor.done or cursor.at_assignment() or cursor.char in "{'" or (len(words) > 3 and cursor.peek() == "off")
    ):
        if opened and cursor.take(")"):
            opened = False
            continue
        words.append(cursor.word("a node or a model"))
    if len(words) < 4:
        cursor.error(f"{name} has {len(words)} words before its parameters, not 4 or more")
    return ElementStatement(name, tuple(words[:-1]), _area_and_more(cursor, "q"), words[-1], place=place)


def _switch(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    nodes = _nodes(cursor, name, 4 if name[0] == "s" else 2)
    controls = () if name[0] == "s" else (cursor.word("the voltage source whose current is sensed"),)
    model = cursor.word("a model")
    params = cursor.assignments(flags=("on", "off"))
    return ElementStatement(name, nodes, params, model, controls=controls, place=place)


def _line(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    nodes = _nodes(cursor, name, 4)
    params = cursor.assignments(split=_initial("t"))
    if "zo" in params:
        cursor.put(params, "z0", params.pop("zo"))
    return ElementStatement(name, nodes, params, place=place)


def _initial(letter: str) -> Callable[[str], tuple[str, ...]]:
    """Return what splits ``ic=`` of an element into its voltages."""
    names = INITIAL.get(letter, ())
    return lambda key: names if key == "ic" else ()


def _words_before_assignments(cursor: Cursor) -> list[str]:
    words = []
    opened = cursor.take("(")
    while not cursor.done and not cursor.at_assignment():
        if opened and cursor.take(")"):
            opened = False
            continue
        word = cursor.word("a node or a model")
        if word in ("params:", "param:"):
            break
        words.append(word)
    return words


def _mosfet(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    words: list[str] = []
    opened = cursor.take("(")
    while not cursor.done and not cursor.at_assignment() and not (len(words) > 4 and cursor.peek() == "off"):
        if opened and cursor.take(")"):
            opened = False
            continue
        words.append(cursor.word("a node or a model"))
    if len(words) != 5:
        cursor.error(f"{name} has {len(words)} words before its parameters, not 5")
    params = cursor.assignments(flags=("off",), split=_initial("m"))
    return ElementStatement(name, tuple(words[:4]), params, words[4], place=place)


def _compact(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    words = _words_before_assignments(cursor)
    if len(words) < 3:
        cursor.error(f"{name} has {len(words)} words before its parameters", expected=USAGE["n"])
    return ElementStatement(name, tuple(words[:-1]), cursor.assignments(flags=("off", "on")), words[-1], place=place)


def _array(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    word_lines = read_vector(cursor, name, "word lines")
    bit_lines = read_vector(cursor, name, "bit lines")
    if cursor.done or cursor.at_assignment():
        cursor.error(f"{name} names no model")
    if cursor.char == "[":
        cursor.error(f"{name} has more than two node vectors")
    model = cursor.word("a model")
    params: dict[str, Value] = {}
    data = None
    while not cursor.done:
        key = cursor.assignment()
        if key is None:
            cursor.error(f"{cursor.found()} is not name=value")
        at = cursor.last
        if key == "g" and (data is not None or "g" in params):
            cursor.error("g is given twice", last=True)
        if key == "g" and cursor.char == '"':
            where = cursor.line.place(cursor.pos)
            data = DataFile.from_text(cursor.raw_word("a file"), where)
            continue
        value = cursor.value(f"the value of {key}")
        if key == "g" and isinstance(value, Name) and _DATA_NAME.search(value.name):
            cursor.error(f"the file name {shorten(value.name)} is not in quotes", last=True, hint=f'g="{value.name}"')
        cursor.last = at
        cursor.put(params, key, value)
    counts = (len(word_lines), len(bit_lines))
    return ElementStatement(name, (*word_lines, *bit_lines), params, model, vectors=counts, data=data, place=place)


def _call(cursor: Cursor, name: str, place: Place) -> ElementStatement:
    words = _words_before_assignments(cursor)
    if not words:
        cursor.error(f"{name} names no subcircuit")
    return ElementStatement(name, tuple(words[:-1]), cursor.assignments(bare=True), words[-1], place=place)


GRAMMARS: dict[str, Grammar] = {
    **dict.fromkeys("rcl", _two_terminal),
    **dict.fromkeys("vi", _source),
    **dict.fromkeys("eg", _voltage_controlled),
    **dict.fromkeys("fh", _current_controlled),
    **dict.fromkeys("sw", _switch),
    "b": _behavioural,
    "k": _coupling,
    **dict.fromkeys("dj", _junctions),
    "q": _bipolar,
    "t": _line,
    "m": _mosfet,
    "n": _compact,
    "a": _array,
    "x": _call,
}

USAGE = {
    "r": "Rname n+ n- value|model [name=value ...]",
    "c": "Cname n+ n- value|model [ic=volts] [name=value ...]",
    "l": "Lname n+ n- value|model [ic=amperes] [name=value ...]",
    "v": "Vname n+ n- [[DC] value] [AC magnitude [phase]] [PULSE|SIN|EXP|PWL|SFFM|AM|TRNOISE|TRRANDOM (...)]",
    "i": "Iname n+ n- [[DC] value] [AC magnitude [phase]] [PULSE|SIN|EXP|PWL|SFFM|AM|TRNOISE|TRRANDOM (...)] [m=]",
    "e": "Ename n+ n- nc+ nc- gain, or VALUE={...}, POLY(n) ..., TABLE {...} = (x,y) ...",
    "g": "Gname n+ n- nc+ nc- gain, or VALUE={...}, POLY(n) ..., TABLE {...} = (x,y) ...",
    "f": "Fname n+ n- vsource gain, or POLY(n) vsources coefficients",
    "h": "Hname n+ n- vsource gain, or POLY(n) vsources coefficients",
    "b": "Bname n+ n- V=expression or I=expression",
    "k": "Kname inductor inductor [inductor ...] coupling",
    "d": "Dname anode cathode model [area] [OFF] [name=value ...]",
    "s": "Sname n+ n- nc+ nc- model [ON|OFF]",
    "w": "Wname n+ n- vsource model [ON|OFF]",
    "t": "Tname n1+ n1- n2+ n2- z0=ohms td=seconds|f=hertz [nl=wavelengths] [ic=v1,i1,v2,i2]",
    "q": "Qname collector base emitter [substrate] model [area] [OFF] [ic=vbe,vce] [name=value ...]",
    "j": "Jname drain gate source model [area] [OFF] [ic=vds,vgs] [name=value ...]",
    "m": "Mname drain gate source bulk model [name=value ...] [OFF]",
    "n": "Nname n1 n2 ... model [name=value ...]",
    "a": 'Aname [word lines] [bit lines] model [g=siemens, or g="file.npz:array"] [name=value ...]',
    "x": "Xname nodes subcircuit [name=value ...]",
}
