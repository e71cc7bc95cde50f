"""What the ordering formulations share: the modelling language, domains, and reading values back."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import pyomo.environ as pyo

from endonet.formulations.contracts import Formulation, Modeller
from endonet.formulations.errors import InputError
from endonet.formulations.ordering.problem import Order, OrderingProblem


class OrderingFormulation(Formulation[OrderingProblem]):
    """One way of writing the ordering problem down, in Pyomo."""

    def build(
        self, problem: OrderingProblem, modeller: Modeller | str = Modeller.PYOMO, *, relaxed: bool = False
    ) -> pyo.ConcreteModel:
        """Return an ordinary Pyomo model whose objective is the weight that runs backward.

        Parameters
        ----------
        problem : OrderingProblem
        modeller : {"pyomo"}
        relaxed : bool, default False
            Let the binary variables range over [0, 1]; the optimum then bounds the problem from below.

        Raises
        ------
        InputError
            If the modelling language is another one.
        """
        if modeller not in self.modellers:
            raise InputError("modeller", f"{self.name} cannot be written in {str(modeller)!r}", "use pyomo")
        model = self._pyomo(problem, relaxed)
        model.name = problem.name or "ordering"
        return model

    @abstractmethod
    def extract(self, model: Any) -> Order:
        """Return the order that a solved model holds."""

    @abstractmethod
    def _pyomo(self, problem: OrderingProblem, relaxed: bool) -> pyo.ConcreteModel: ...


def domain(relaxed: bool) -> Any:
    """Return the domain of the binary variables."""
    return pyo.UnitInterval if relaxed else pyo.Binary


def values(variable: Any) -> dict[Any, float]:
    """Return the values of an indexed variable.

    Raises
    ------
    InputError
        If the model holds none, as before it is solved.
    """
    found = {index: pyo.value(variable[index], exception=False) for index in variable}
    if any(value is None or not np.isfinite(value) for value in found.values()):
        raise InputError(variable.name, "the model holds no values of it", "solve it before extracting the order")
    return found
