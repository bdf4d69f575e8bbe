"""``.mc``: the analyses again and again, each time with other numbers from distributions and tolerances."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card, write_word
from circuitnn.netlist.flat import MonteCarlo
from circuitnn.netlist.statements import Assignment, Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope

MAX_RUNS = 1_000_000
_KINDS = ("op", "dc", "ac", "tran", "noise", "tf", "sens", "pz", "pss")


class Mc(Card):
    """PSpice's card; its output variable and collating function are left to ``.measure``."""

    aliases = ("montecarlo",)
    usage = ".mc RUNS [ANALYSIS ...] [seed=NUMBER]"

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Note how many runs there are, of what, and from which seed."""
        if scope.flat.monte_carlo is not None:
            raise self.refuse(directive, "a second one")
        words = [word for word in directive.words if not isinstance(word, Assignment)]
        count = self._whole(directive, scope, words[0] if words else "", "runs")
        if not 1 <= count <= MAX_RUNS:
            raise self.refuse(directive, f"{count} runs; there may be 1 to {MAX_RUNS}")
        seed = None
        for word in directive.words:
            if isinstance(word, Assignment):
                if word.name != "seed":
                    raise self.refuse(directive, f"it has no {word.name!r}", word.name)
                seed = self._whole(directive, scope, word.value, "seed")
        kinds = []
        for word in words[1:]:
            if word not in _KINDS:
                text = write_word(word)
                raise self.refuse(directive, f"{text} is no analysis; what is looked at, .measure says", text)
            kinds.append(str(word))
        scope.flat.monte_carlo = MonteCarlo(count, seed, tuple(kinds), directive.place)

    def _whole(self, directive: Directive, scope: "Scope", word: object, what: str) -> int:
        value = None
        if isinstance(word, str) and word and scope.knows(word):
            value = scope.param(word, directive.place)
        elif word != "" and not isinstance(word, str):
            value = scope.value(word, directive.place)  # type: ignore[arg-type]
        if value is None or not 0.0 <= value < 2.0**53 or value != round(value):
            raise self.refuse(directive, f"the {what} are no whole number" if what == "runs" else f"no {what}")
        return int(value)


EXPORT = Mc()
