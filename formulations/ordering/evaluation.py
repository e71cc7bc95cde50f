"""What follows from an order of firms: the links that violate it, their weight, and their shares (paper 002, 4.2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from endonet.formulations.ordering.problem import Order, OrderingProblem


@dataclass(frozen=True, eq=False)
class OrderingOutcome:
    """Everything that follows from an order.

    Attributes
    ----------
    problem : OrderingProblem
    order : int64 array, shape (n,)
        The nodes from first to last.
    """

    problem: OrderingProblem
    order: Order

    @cached_property
    def place(self) -> Order:
        """ν(i), the place of each node, shape (n,)."""
        place = np.empty(self.order.size, np.int64)
        place[self.order] = np.arange(self.order.size)
        return place

    @cached_property
    def violating(self) -> NDArray[np.bool_]:
        """Which links run backward, in the order of ``problem.W.data``."""
        backward: NDArray[np.bool_] = self.place[self.problem.tails] > self.place[self.problem.W.indices]
        return backward

    @property
    def violators(self) -> NDArray[np.int64]:
        """The links that run backward, shape (count, 2): from, to."""
        problem = self.problem
        return np.column_stack([problem.tails[self.violating], problem.W.indices[self.violating]]).astype(np.int64)

    @cached_property
    def value(self) -> float:
        """The weight of the links that run backward, correctly rounded."""
        return self.problem.sum(self.problem.W.data[self.violating])

    @cached_property
    def forward_weight(self) -> float:
        """The weight of the links that run forward: the sum above the diagonal of the table in this order."""
        return self.problem.sum(self.problem.W.data[~self.violating])

    @property
    def share(self) -> float:
        """The share of weight that violates the order."""
        return self.value / self.problem.total

    @property
    def links_violating(self) -> int:
        """The number of links that run backward."""
        return int(np.count_nonzero(self.violating))

    @property
    def share_of_links(self) -> float:
        """The share of links that violate the order."""
        return self.links_violating / self.problem.links

    @property
    def feasible(self) -> bool:
        """True: every order is allowed."""
        return True

    @property
    def violations(self) -> tuple[str, ...]:
        """Empty: an order satisfies every constraint; the links that run backward are its cost."""
        return ()

    def __repr__(self) -> str:
        return (
            f"<OrderingOutcome: {self.value:.9g} of weight {self.problem.total:.9g} runs backward ({self.share:.2%}), "
            f"{self.links_violating} of {self.problem.links} links>"
        )
