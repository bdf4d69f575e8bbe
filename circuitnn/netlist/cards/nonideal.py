"""``.nonideal target kind name=value ...``: a fault or non-ideality of an element, or of all that use a model."""

from typing import TYPE_CHECKING, ClassVar

from circuitnn.errors import NetlistError, nearest
from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.expression import Name
from circuitnn.netlist.flat import Imperfection
from circuitnn.netlist.statements import Assignment, Directive, Value
from circuitnn.registry import catalog

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope


class Nonideal(Card):
    """What kinds and parameters there are, the catalog of non-idealities knows."""

    local: ClassVar[bool] = True
    usage = ".nonideal element|model kind name=value ..."

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Note the effect; names are those of the scope."""
        words = directive.words
        target, kind = words[:2] if len(words) > 1 else (None, None)
        if not isinstance(target, str) or not isinstance(kind, str):
            raise self.refuse(directive, "it does not name a target and a kind")
        kinds = catalog("nonidealities")
        if kind not in kinds:
            raise NetlistError(
                f".nonideal: there is no effect {kind!r}",
                place=directive.place.at(kind) if directive.place else None,
                names=(kind,),
                expected=", ".join(kinds.names()),
                hint=nearest(kind, kinds.names()),
            )
        values: dict[str, float | str] = {}
        for word in words[2:]:
            if not isinstance(word, Assignment):
                raise self.refuse(directive, f"{word!r} is not name=value")
            value: Value | str = word.value
            if isinstance(value, str) and word.name not in kinds.get(kind).words and scope.knows(value):
                value = Name(value)
            values[word.name] = value if isinstance(value, str) else scope.value(value, directive.place)
        flat = next((s.models[target] for s in scope.outwards() if target in s.models), None)
        if flat is None:
            flat = scope.prefix + target
        scope.flat.imperfections.append(Imperfection(flat, kind, values, directive.place))


EXPORT = Nonideal()
