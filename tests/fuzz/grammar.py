"""Decks by chance: every kind of element, card, function and command, mostly right and now and then wrong.

Each deck follows from its random generator alone, so that a seed and a number name it for ever.
"""

from __future__ import annotations

import random

from circuitnn.netlist.functions import FUNCTIONS

Rng = random.Random

NODES = ("0", "gnd", "a", "b", "c", "d", "out", "n1", "n2", "x1.a", "1", "2", "A", "vdd")
NAMES = ("r0", "temp", "pi", "time", "e", "undefined", "P", "x")
SUFFIXES = ("", "", "", "k", "meg", "m", "u", "n", "p", "f", "a", "t", "g", "mil", "kohm", "V", "x", "k7", "%")
ODD_NUMBERS = (
    "0", "-0", "1e308", "-1e308", "1e-308", "5e-324", "1e309", "1e400", "1e-400", "1e99999999999", "nan", "inf", "-inf",
    "1e", "1e+", "0x10", "1.2.3", "..", "-", "+", "1_000", "٣", "1e15", "1e12", "-1", "1" * 400, "1" * 5000, "0.1" * 9,
    "2147483648", "9223372036854775808", "4294967296", "1d3", "4k7",
)  # fmt: skip
ODD_WORDS = (
    "", "(", ")", "{", "}", "'", '"', "=", ",", "[", "]", "<", "+", "*", ";", "$", "//", "{{", "}}", "{}", "()", "''",
    "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER OMEGA}", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "\ufeff", "\u2028",
    "\x85", "\xa0", "\x0b", "\x1f", "\0", "\U0001f600", "\ud800", "long" * 3000, "(" * 300, "{" * 300, "-" * 500,
    "[a<0:3>]", "[a<0:999999999>]", "a<3:0>", "r[", "@r1[", "@r1[i]", "v(", "v()", "i(v1", "v(a,b,c)", "off", "params:",
    "ic=", "m=0", "m=-1", "m=1e300", "temp=-300", "=1", "a=b=c", "__class__", "%s", "%n", "\\", "\\n", "..", "/", "~",
)  # fmt: skip
MODELS = {
    "dm": ("d", ("is", "n", "rs", "cjo", "vj", "m", "tt", "bv", "ibv", "level", "eg", "xti", "ikf")),
    "qn": ("npn", ("is", "bf", "br", "vaf", "ikf", "rb", "rc", "re", "cje", "cjc", "tf", "tr", "ptf", "rco", "subs")),
    "qp": ("pnp", ("bf", "is", "level", "irb", "rbm", "nf", "ne", "ise")),
    "jm": ("njf", ("vto", "beta", "lambda", "rd", "rs", "cgs", "cgd", "is", "b", "level")),
    "mn": ("nmos", ("level", "vto", "kp", "gamma", "phi", "lambda", "tox", "ld", "uo", "vmax", "nsub", "cgso", "theta")),
    "mp": ("pmos", ("level", "vto", "kp", "rd", "rs", "cbd", "is", "eta", "kappa", "nfs", "xj", "delta")),
    "sm": ("sw", ("vt", "vh", "ron", "roff")),
    "wm": ("csw", ("it", "ih", "ron", "roff")),
    "rm": ("r", ("rsh", "tc1", "tc2", "defw", "narrow", "r")),
    "cm": ("c", ("cj", "cjsw", "defw", "tc1")),
    "hp": ("linear_drift", ("ron", "roff", "d", "mu", "x0")),
    "vt": ("vteam", ("ron", "roff", "x0", "von", "voff")),
    "xb": ("crossbar", ("rword", "rbit", "device", "selector", "g")),
    "zz": ("nonsense", ("a",)),
}  # fmt: skip
SPECIAL = ("time", "temper", "hertz", "pi", "e")


class Grammar:
    """Writes one deck.

    Parameters
    ----------
    rng : random.Random
    wrong : float
        How often a word is replaced by one that does not belong there.
    """

    def __init__(self, rng: Rng, wrong: float) -> None:
        self.rng, self.wrong = rng, wrong
        self.params = ["p", "q", "w", "gain"]
        self.names: list[str] = []

    # ------------------------------------------------------------------ words
    def maybe(self, chance: float) -> bool:
        return self.rng.random() < chance

    def pick(self, *options):
        return self.rng.choice(options)

    def odd(self, good, bad):
        """Return one of the good options, or now and then one of the bad ones."""
        return self.rng.choice(bad if self.maybe(4.0 * self.wrong) else good)

    def spoilt(self, word: str) -> str:
        """Return the word, or now and then one that is likely to be wrong in its place."""
        if self.maybe(self.wrong):
            return self.pick(self.rng.choice(ODD_WORDS), self.rng.choice(ODD_NUMBERS), "", word + word, word[:-1])
        return word

    def literal(self) -> str:
        if self.maybe(self.wrong):
            return self.rng.choice(ODD_NUMBERS)
        digits = self.pick("1", "2", "10", "0.5", "1.5", ".3", "47", "1e3", "1e-3", f"{self.rng.uniform(-5, 5):.4g}")
        return digits + self.odd(SUFFIXES[:8], SUFFIXES)

    def number(self) -> str:
        """A number, a parameter or an expression."""
        chance = self.rng.random()
        if chance < 0.6:
            return self.spoilt(self.literal())
        if chance < 0.7:
            return self.rng.choice(self.params)
        return self.spoilt(self.pick("{%s}", "'%s'", "{ %s }") % self.expression(2, circuit=False))

    def positive(self, low: float = 1e-12, high: float = 1e6) -> str:
        if self.maybe(self.wrong):
            return self.number()
        return f"{low * (high / low) ** self.rng.random():.3g}"

    def node(self) -> str:
        return self.spoilt(self.rng.choice(NODES))

    def name(self, letter: str) -> str:
        free = [
            name for k in (1, 2, 3, 4, "x", "load", 10, *range(20, 60)) if (name := f"{letter}{k}") not in self.names
        ]
        self.names.append(self.odd(free[:1], [f"{letter}1", letter, f"{letter}.x", f"{letter}{letter}"]))
        return self.spoilt(self.names[-1])

    # ------------------------------------------------------------------ expressions
    def expression(self, depth: int, circuit: bool = True) -> str:
        """An expression; ``circuit``: with voltages, currents and the time."""
        rng = self.rng
        chance = rng.random()
        if depth <= 0 or chance < 0.25:
            leaf = rng.random()
            if leaf < 0.5:
                return self.literal()
            if leaf < 0.75 or not circuit:
                return self.spoilt(self.odd(self.params, [*NAMES, *SPECIAL]))
            probe = self.odd(("v1", "rload"), ("v2", "r1", "d1", "l1", "nosuch"))
            return self.pick(f"v({self.node()})", f"v({self.node()},{self.node()})", f"i({probe})", rng.choice(SPECIAL))
        down = depth - 1
        if chance < 0.6:
            op = rng.choice(
                (
                    "+",
                    "-",
                    "*",
                    "+",
                    "-",
                    "*",
                    "/",
                    "%",
                    "**",
                    "^",
                    "==",
                    "!=",
                    "<",
                    "<=",
                    ">",
                    ">=",
                    "&&",
                    "||",
                    "<>",
                    "|",
                )
            )
            return f"{self.expression(down, circuit)}{self.spoilt(op)}{self.expression(down, circuit)}"
        if chance < 0.65:
            return f"({self.expression(down, circuit)}{self.spoilt(')')}"
        if chance < 0.7:
            return self.pick("-", "+", "!") + self.expression(down, circuit)
        if chance < 0.76:
            parts = [self.expression(down, circuit) for _ in range(3)]
            return f"({parts[0]})?{parts[1]}:{parts[2]}"
        named = [name for name in FUNCTIONS if name.isidentifier()]
        name = self.spoilt(
            self.odd([*named, "if", "ternary_fcn", "ln", "sqr", "stp", "pwrs"], ["f", "f2", "sdt", "limits", "zz"])
        )
        function = FUNCTIONS.get(name)
        low = function.low if function else rng.randint(1, 3)
        high = (function.high or low + 4) if function else 3
        count = rng.randint(low, high) if self.maybe(1.0 - self.wrong) else rng.randint(0, 5)
        if name in ("table", "pwl"):
            points = [str(k) for j in range(rng.randint(1, 4)) for k in (j, rng.randint(-3, 3))]
            return f"{name}({self.expression(down, circuit)},{','.join(points)})"
        return f"{name}({','.join(self.expression(down, circuit) for _ in range(count))})"

    # ------------------------------------------------------------------ elements
    def waveform(self) -> str:
        kind = self.odd(
            ("pulse", "sin", "exp", "pwl", "sffm", "am", "trnoise", "trrandom", "PULSE"), ("external", "pat")
        )
        if kind == "pwl":
            times = sorted(self.rng.uniform(0, 1e-6) for _ in range(self.rng.randint(1, 5)))
            points = " ".join(f"{t:.3g} {self.literal()}" for t in times)
            return f"pwl({points}){self.pick('', ' r=0', ' td=1n', ' r=1n')}"
        count = self.odd((3, 4, 5), (0, 1, 2, 6, 7, 8, 9))
        if kind == "trrandom":
            return f"trrandom({self.odd('1234', '05x')} {self.positive(1e-9, 1e-6)} 0 {self.positive(0.1, 9)})"
        return f"{kind}{self.spoilt('(')}{' '.join(self.spoilt(self.positive(1e-9, 1e7)) for _ in range(count))}{self.spoilt(')')}"

    def source(self, letter: str) -> str:
        words = [self.name(letter), self.node(), self.node()]
        if self.maybe(0.7):
            words += [self.pick("", "dc", "DC"), self.number()]
        if self.maybe(0.3):
            words += ["ac", *[self.number() for _ in range(self.rng.randint(0, 2))]]
        if self.maybe(0.4):
            words.append(self.waveform())
        return " ".join(words)

    def controlled(self, letter: str) -> str:
        head = f"{self.name(letter)} {self.node()} {self.node()}"
        controls = self.pick("v1", "v2") if letter in "fh" else f"{self.node()} {self.node()}"
        chance = self.rng.random()
        if chance < 0.5 or (letter in "fh" and chance >= 0.65):
            return f"{head} {controls} {self.number()}"
        if chance < 0.65:
            count = self.rng.randint(1, 3)
            many = " ".join(controls for _ in range(count))
            return f"{head} poly({self.spoilt(str(count))}) {many} {' '.join(self.literal() for _ in range(3))}"
        if chance < 0.8 and letter in "eg":
            table = " ".join(f"({k},{self.literal()})" for k in range(self.rng.randint(1, 4)))
            return f"{head} table {{{self.expression(2)}}} = {table}"
        return f"{head} {self.odd(('value', 'VALUE'), ('vol', 'cur', 'zz'))}={{{self.expression(3)}}}"

    def passive(self, letter: str) -> str:
        head = f"{self.name(letter)} {self.node()} {self.node()}"
        chance = self.rng.random()
        if chance < 0.6:
            tail = self.number()
        elif chance < 0.75:
            tail = f"{letter}={{{self.expression(3)}}}"
        elif chance < 0.85 and letter in "rc":
            tail = (
                self.odd((f"{letter}m",), ("rm", "cm"))
                + f" l={self.positive(1e-7, 1e-4)} w={self.positive(1e-7, 1e-4)}"
            )
        else:
            tail = f"q={{{self.expression(2)}}}" if letter == "c" else self.number()
        extra = [f"{self.pick('m', 'tc1', 'tc2', 'temp', 'dtemp', 'ic', 'scale', 'noisy')}={self.number()}"]
        return " ".join([head, tail, *(extra if self.maybe(0.2) else ())])

    def semiconductor(self) -> str:
        letter, pins, model = self.pick(
            ("d", 2, "dm"), ("q", 3, "qn"), ("q", 4, "qp"), ("j", 3, "jm"), ("m", 4, "mn"), ("m", 4, "mp")
        )
        nodes = " ".join(self.node() for _ in range(pins))
        own = {"d": ("area", "pj"), "q": ("area", "areab"), "j": ("area",), "m": ("w", "l", "ad", "pd", "nrd")}[letter]
        keys = self.odd((*own, "m", "temp", "dtemp", "ic"), ("area", "w", "nope"))
        extra = self.odd(
            ("", "", "off", f"{keys}={self.number()}"), (self.literal(), f"w={self.positive(1e-7, 1e-4)} l=1u")
        )
        return f"{self.name(letter)} {nodes} {self.spoilt(model)} {extra}"

    def element(self) -> str:
        kind = self.rng.random()
        if kind < 0.3:
            return self.passive(self.pick("r", "r", "c", "l"))
        if kind < 0.42:
            return self.source(self.pick("v", "v", "i"))
        if kind < 0.52:
            return self.controlled(self.pick("e", "f", "g", "h"))
        if kind < 0.6:
            return f"{self.name('b')} {self.node()} {self.node()} {self.pick('v', 'i', 'V')}={{{self.expression(4)}}}"
        if kind < 0.75:
            return self.semiconductor()
        if kind < 0.8:
            return f"{self.name('s')} {self.node()} {self.node()} {self.node()} {self.node()} sm {self.pick('', 'on', 'off')}"
        if kind < 0.83:
            return f"{self.name('w')} {self.node()} {self.node()} v1 wm {self.pick('', 'on')}"
        if kind < 0.86:
            ends = " ".join(self.node() for _ in range(4))
            tail = self.pick(f"td={self.positive(1e-10, 1e-7)}", f"f={self.positive(1e6, 1e9)} nl=0.25", "")
            return f"{self.name('t')} {ends} z0={self.positive(10, 200)} {tail}"
        if kind < 0.88:
            return f"{self.name('k')} l1 l2 {self.spoilt('0.5')}"
        if kind < 0.92:
            return f"{self.name('n')} {self.node()} {self.node()} {self.odd(('hp', 'vt', 'hfo2'), ('stanford', 'zz', 'dm'))}"
        if kind < 0.94:
            size = self.odd(
                ("[a b] [c d]", "[a<0:2>] [b<0:1>]", "[r<0:3>] [c<3:0>]", "[a] [b]"), ("[ ] [ ]", "[a [b]", "a b")
            )
            g = self.odd(("1e-4", "{p*1e-5}"), ("0", "-1", self.number(), "nosuch.npy"))
            return f"{self.name('a')} {size} {self.spoilt('xb')} g={g}"
        given = self.odd(
            ("", f" p={self.number()}", f" m={self.odd('123', '0-')}"),
            (f" nope={self.number()}", f" m={self.number()}"),
        )
        return f"{self.name('x')} {self.node()} {self.node()} {self.spoilt(self.pick('sub', 'sub2', 'sub3'))}{given}"

    # ------------------------------------------------------------------ cards
    def model(self, name: str) -> str:
        kind, keys = MODELS[name]
        chosen = self.rng.sample(keys, min(len(keys), self.rng.randint(0, 4)))
        levels = {"d": "13", "njf": "1", "npn": "1", "pnp": "1"}.get(kind, "1236")
        values = {
            "level": self.odd(levels, ("8", "14", "4", "-1", "1.5", "x")),
            "device": self.odd(("hfo2",), ("hp", "dm", "q")), "selector": self.odd(("dm",), ("hp", "q")),
        }  # fmt: skip
        words = [f"{key}={values.get(key) or self.positive(1e-15, 1e3)}" for key in chosen]
        return f".model {self.spoilt(name)} {self.spoilt(kind)} {self.pick('(%s)', '%s') % ' '.join(words)}"

    def analysis(self) -> str:
        stop = 1e-9 * 10 ** self.rng.randint(0, 4)
        good = (
            ".op", f".tran {stop / 40:.3g} {stop:.3g}{self.pick('', ' uic', ' 0 1n', f' {stop / 2:.3g}')}",
            f".dc {self.odd(('v1', 'temp'), ('r1', 'i1', 'nosuch'))} 0 {self.odd('12', [self.literal()])} {self.odd(('0.5', '1'), ('-1', '0', '1e-9'))}",
            f".ac {self.odd(('dec', 'oct', 'lin'), ('log', ''))} {self.spoilt('3')} {self.positive(1, 1e3)} {self.positive(1e3, 1e6)}",
            f".noise v(out) v1 dec 2 {self.positive(1, 1e3)} 1e5 {self.pick('', '1')}", ".tf v(out) v1", ".sens v(a)",
            ".pz a 0 out 0 vol pz", f".sens v(out) ac dec 2 1 {self.positive(10, 1e5)}", ".tf i(v1) v1",
        )  # fmt: skip
        bad = (
            ".dc v1 0 1 0.5 i1 0 1m 1m", ".tran 1n", ".ac dec 3", ".noise v(out)", f".tran {self.number()} {self.number()}",
            ".disto", ".pss", f".ac dec {self.number()} {self.number()} {self.number()}", f".dc v1 {self.number()} {self.number()} 1",
            ".tran 1n 1e6", ".ac lin 1e12 1 1e6", ".dc v1 0 1 1e-12",
        )  # fmt: skip
        return self.odd(good, bad)

    def measure(self) -> str:
        kind = self.odd(("tran", "dc", "ac"), ("op", "noise", "xx"))
        vector = self.pick("v(out)", "v(a)", "i(v1)", "vdb(out)", "par('v(a)*2')", self.expression(2))
        body = self.pick(
            f"{self.pick('avg', 'rms', 'min', 'max', 'pp', 'integ', 'min_at', 'max_at')} {vector} from=1n to={self.number()}",
            f"when {vector}={self.number()} {self.pick('rise', 'fall', 'cross')}={self.pick('1', 'last', '-1', '1e9', '0')}",
            f"find {vector} at={self.number()}", f"trig {vector} val=0.5 rise=1 targ v(a) val={self.number()} fall=1",
            f"param='{self.expression(2)}'", f"deriv {vector} at=1n", f"find {vector} when v(a)=v(out)",
        )  # fmt: skip
        return f".{self.pick('measure', 'meas')} {kind} m{self.rng.randint(1, 3)} {self.spoilt(body)}"

    def card(self) -> str:
        chance = self.rng.random()
        if chance < 0.2:
            return self.measure()
        if chance < 0.35:
            name = self.odd(("new", "newer"), self.params)
            return f".param {self.spoilt(name)}{self.spoilt('=')}{self.number()} {self.pick('', 'q2={p*2}', 'f3(x)={x*p}')}"
        step = self.pick(
            f".step param p list {self.literal()} {self.literal()}", ".step param p 1 3 1", ".step r1 1 10 5",
            ".step temp 0 50 25", ".step dec param q 1 100 2", ".step data=tab", ".step dm(is) 1e-14 1e-12 5e-13",
            f".step param p 1 {self.number()} {self.number()}",
        )  # fmt: skip
        good = (
            f".func f(x) {{{self.expression(2, circuit=False)}+x}}", ".func f2(x,y) 'x*y'", f".temp {self.number()}",
            f".options {self.pick('reltol', 'gmin', 'method', 'maxord', 'seed', 'temp', 'abstol', 'itl1', 'nfreqs', 'zz')}"
            f"={self.pick('1e-4', 'gear', 'trap', '2', '0', '-1', '1e-9', self.number())}",
            f".ic v({self.node()})={self.number()}", f".nodeset v({self.node()})={self.number()}", f".global {self.node()}",
            f".save {self.pick('all', 'v(a)', 'i(v1)', '@r1[i]', '@m1[gm]', '@d1[id]', '@n1[x]', 'v(nosuch)', 'i(r1)')}",
            f".print {self.pick('tran', 'dc', 'ac')} {self.expression(2)}", f".four {self.positive(1e6, 1e9)} v(out) v(a)",
            f".csparam c1={self.number()}", step, ".data tab p q 1 2 3 4", ".plot tran v(a)", ".probe v(a)", ".width out=80",
        )  # fmt: skip
        bad = (
            ".enddata", ".end", ".ends", ".endif", ".else", ".endc", f".if ({self.expression(2, circuit=False)})",
            ".include nosuch.inc", ".lib nosuch.lib tt", ".lib tt", ".endl", ".subckt s2 a b", ".nonsense 1 2", ".", "..op",
            ".include deck.cir", ".include /dev/zero", ".include .", ".step param p 1 1e12 1", ".step dec param p 1e-300 1e300 1e9",
        )  # fmt: skip
        return self.odd(good, bad)

    # ------------------------------------------------------------------ scripts
    def command(self) -> str:
        """One command of a script."""
        vector = self.pick("v(out)", "v(a)", "i(v1)", "x", "tran1.v(a)", "time", "vdb(out)", "mag(v(a))", "all")
        return self.pick(
            "run", "op", f"tran 1n {self.pick('10n', '100n')}", "ac dec 2 1 1k", "dc v1 0 1 0.5", f"let x = {self.expression(2)}",
            f"let x[{self.pick('0', '1', '9', '-1')}] = {self.literal()}", f"print {vector}", f"echo {self.spoilt('hello')} $x $&x",
            f"meas tran m1 max {vector}", f"alter {self.pick('r1', 'v1', 'nosuch', '@r1[tc1]')} = {self.literal()}",
            f"alter @v1[{self.pick('pulse', 'sin', 'pwl')}] = [ {' '.join(self.literal() for _ in range(4))} ]",
            f"altermod dm is = {self.literal()}", f"alterparam p = {self.literal()}", "reset", f"set y = {self.spoilt('5')}",
            "unset y", "unlet x", "display", "setplot", f"setplot {self.pick('new', 'previous', 'tran1', 'const')}",
            f"destroy {self.pick('all', '', 'tran1')}", f"compose z {self.pick('values 1 2 3', 'start=0 stop=1 step=0.1', 'lin=5')}",
            f"compose z start={self.literal()} stop={self.literal()} {self.pick('step', 'lin', 'log')}={self.literal()}",
            "linearize", f"fft {vector}", f"fourier 1meg {vector}", "quit", "break", f"continue {self.spoilt('2')}", "listing",
            f"option {self.pick('reltol', 'temp', 'method')} = {self.literal()}", f"save {vector}", f"plot {vector}", "shell ls",
            f"set specwindow={self.pick('none', 'hanning', 'zz')}", f"set nfreqs={self.literal()}", "mc_source", "nosuchcommand",
            f"print {self.expression(3)}", "tf v(out) v1", "noise v(out) v1 dec 1 1 10", "let", "let x", f"let x = {vector}[1,2]",
        )  # fmt: skip

    def script(self, depth: int = 2) -> list[str]:
        """Commands in loops and conditions."""
        lines: list[str] = []
        for _ in range(self.rng.randint(1, 5)):
            if depth and self.maybe(0.25):
                opener = self.pick(
                    f"if {self.expression(2)}", f"repeat {self.pick('2', '3', '0', '-1', self.literal())}", "while x < 3",
                    "foreach v 1 2 3", "foreach", "dowhile x < 2", f"if $y {self.pick('=', 'eq', '<')} 5",
                )  # fmt: skip
                lines += [opener, *self.script(depth - 1)]
                if self.maybe(0.2):
                    lines += ["else", *self.script(0)]
                if opener.startswith(("while", "dowhile")):
                    lines.append("let x = x + 1")
                lines.append(self.spoilt("end"))
            else:
                lines.append(self.spoilt(self.command()))
        return lines

    # ------------------------------------------------------------------ decks
    def body(self, most: int) -> list[str]:
        lines = []
        for _ in range(self.rng.randint(0, most)):
            line = self.element() if self.maybe(0.8) else self.card()
            if self.maybe(self.wrong):
                line = self.pick(
                    line.upper(),
                    " " + line,
                    "+" + line,
                    "*" + line,
                    line.replace(" ", "\n+ ", 2),
                    line + " $ c",
                    line + ";",
                )
            lines.append(line)
        return lines

    def subcircuit(self, name: str) -> list[str]:
        params = self.pick("", " p=1", " params: p=1 w={2*p}")
        return [f".subckt {name} a b{params}", *self.body(4), f".ends{self.pick('', f' {name}')}"]

    def deck(self) -> str:
        """A whole deck."""
        lines = ["title", ".param p=2 q={p*3} w=1u gain=10"]
        if self.maybe(0.95):  # a circuit that is solvable, so that many decks get as far as a simulation
            self.names.append("v1")
            drive = self.pick("1", "dc 1 ac 1", "sin(0 1 10meg)", "pulse(0 1 1n 1n 1n 10n 20n)")
            lines += [f"v1 a 0 {drive}", "rload a out 1k", "rground out 0 1k", "cload out 0 10p"]
            lines += [f"rtie{k} {node} 0 1meg" for k, node in enumerate(("b", "c", "d", "n1", "n2", "vdd", "1", "2"))]
        lines += self.body(8)
        text = "\n".join(lines)
        lines += [self.model(name) for name in MODELS if name in text and self.maybe(0.97)]
        for name in ("sub", "sub2", "sub3"):
            if f" {name}" in text and self.maybe(0.95):
                lines += self.subcircuit(name)
        if self.maybe(0.15):
            lines += [
                f".if ({self.expression(2, circuit=False)})",
                *self.body(2),
                self.pick(".else", ".elseif (p)"),
                *self.body(2),
                ".endif",
            ]
        if self.maybe(0.15):
            lines += [".control", *self.script(), ".endc"]
        lines += [self.card() for _ in range(self.rng.randint(0, 2))]
        lines += [self.analysis() for _ in range(self.rng.randint(0, 2))]
        if self.maybe(0.3):
            lines.append(".end")
        return "\n".join(lines) + "\n"


def deck(rng: Rng) -> str:
    """A deck; one in three is meant to be right."""
    return Grammar(rng, rng.choice((0.0, 0.01, 0.05))).deck()


def script(rng: Rng) -> str:
    """A small circuit with a script."""
    grammar = Grammar(rng, rng.choice((0.0, 0.02)))
    circuit = (
        "title\n.param p=1\nv1 a 0 dc 1 ac 1 sin(0 1 100meg)\nr1 a out 1k\nc1 out 0 10p\nd1 out 0 dm\n.model dm d\n"
    )
    lines = ["let x = 0", "set y = 5", *grammar.script(3)]
    return circuit + ".tran 1n 20n\n.control\n" + "\n".join(lines) + "\n.endc\n.end\n"
