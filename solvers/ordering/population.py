"""A population of local optima: two are crossed, the child is improved, and the worst makes room for it.

*Order-based* crossover keeps half of one parent's places and fills the others with the nodes that stood there, in the
order in which the other parent has them. Every child is improved by insertions and a few kicks. Where single searches
end in different valleys, the population finds what the good ones have in common.

Source: Schiavinotto and Stützle, *The linear ordering problem: instances, search space analysis and algorithms* (2004),
section 6.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from endonet.formulations.ordering.problem import Order
from endonet.solvers.ordering.local_search import Stop, improve_component
from endonet.solvers.ordering.net import NetLinks

SIZE = 20
KICKS, MOST_KICKS = 2, 2000  # of each child: by node, and at most
STRENGTH = 3
STALE = 200  # children in a row, none of which is taken, that end the search


def bred(links: NetLinks, start: Order, cost: Callable[[Order], float], seed: int, least: float, stop: Stop) -> Order:
    """Return the best order of one component that a population finds.

    Parameters
    ----------
    links : NetLinks
    start : int64 array
        The nodes of the component; its order does not matter, since a good one would soon be the only one.
    cost : callable
        What an order costs.
    seed : int
    least : float
        What a move must save to count, above rounding.
    stop : callable
        Says when to end.
    """
    draw = np.random.default_rng(seed)
    kicks = min(KICKS * start.size, MOST_KICKS)

    def grown(order: Order) -> Order:
        word = int(draw.integers(2**31))
        return improve_component(links, order, kicks, STRENGTH, (word, 0), least, stop)[0]

    orders = [grown(draw.permutation(start))]
    while len(orders) < SIZE and not stop():
        orders.append(grown(draw.permutation(start)))
    costs = [cost(order) for order in orders]
    stale = 0
    while stale < STALE and len(orders) > 1 and len(set(costs)) > 1 and not stop():
        first, second = draw.choice(len(orders), 2, replace=False)
        child = grown(_crossed(orders[first], orders[second], draw.random(start.size) < 0.5))
        value, worst = cost(child), int(np.argmax(costs))
        stale += 1
        if value < costs[worst] and value not in costs:
            orders[worst], costs[worst] = child, value
            stale = 0
    return orders[int(np.argmin(costs))]


def _crossed(first: Order, second: Order, moved: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Order:
    """Return the first order with the nodes of some places in the order of the second.

    Examples
    --------
    >>> _crossed(np.array([0, 1, 2, 3]), np.array([3, 2, 1, 0]), np.array([True, False, True, True])).tolist()
    [3, 1, 2, 0]
    """
    place = np.empty(int(first.max()) + 1, np.int64)
    place[second] = np.arange(second.size)
    child, nodes = first.copy(), first[moved]
    child[moved] = nodes[np.argsort(place[nodes])]
    return child
