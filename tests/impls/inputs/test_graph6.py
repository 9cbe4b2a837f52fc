"""Lines of graph6: worked ones, long numbers of nodes, and what is no line."""

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, on_graph
from impls.inputs.graph6 import decode, encode, graph
from impls.inputs.named import counts_of, cutoff_of, graph_of

WORKED = {
    "?": (0, []),
    "@": (1, []),
    "A_": (2, [(0, 1)]),
    "DQc": (5, [(0, 2), (0, 4), (1, 3), (3, 4)]),
    "Bw": (3, [(0, 1), (0, 2), (1, 2)]),
}
"""DQc is the example of the format's description."""


def adjacency(n, edges):
    a = np.zeros((n, n), bool)
    for i, j in edges:
        a[i, j] = a[j, i] = True
    return a


@pytest.mark.parametrize("text", WORKED)
def test_lines_that_are_worked_out_by_hand(text):
    wanted = adjacency(*WORKED[text])
    np.testing.assert_array_equal(decode(text), wanted)
    np.testing.assert_array_equal(decode(f">>graph6<<{text}"), wanted)
    assert encode(wanted) == text


@pytest.mark.parametrize("n", [5, 62, 63, 100])
def test_what_is_written_is_read(n):
    upper = np.triu(np.random.default_rng(n).random((n, n)) < 0.3, 1)
    text = encode(upper | upper.T)
    assert text.startswith("~") == (n > 62) and set(text) <= set(map(chr, range(63, 127)))
    np.testing.assert_array_equal(decode(text), upper | upper.T)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "characters are those from"),
        ("D Q", "characters are those from"),
        (":Fa@x^", "characters are those from"),
        ("DQ", "a graph of 5 nodes has 2 characters"),
        ("DQcc", "and this has 3"),
        ("DQd", "does not end with zeros"),
        ("~?", "number of nodes is cut off"),
        ("~~????", "number of nodes is cut off"),
        ("~}~~", "a graph of 258047 nodes has"),
    ],
)
def test_what_is_no_line_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        decode(text)


def test_what_is_no_adjacency_is_refused():
    for wrong in (np.eye(3), np.triu(np.ones((3, 3)), 1), np.zeros((2, 3))):
        with pytest.raises(ValueError, match="symmetric"):
            encode(wrong)


def test_a_line_names_a_graph_of_the_family_points():
    asked = ask(irreps_node="0e", irreps_edge="0e", data="graph6:DQc", channels=2)
    assert FAMILY.check(asked) is None and counts_of(asked) == (5, 8) and cutoff_of(asked) == 3.0
    found = graph_of(asked)
    ends = set(zip(found.src.tolist(), found.dst.tolist(), strict=True))
    assert ends == {e for i, j in WORKED["DQc"][1] for e in ((i, j), (j, i))}
    lengths = np.linalg.norm(found.vectors, axis=1)
    assert found.positions is None and 1 <= lengths.min() and lengths.max() <= 1.5
    assert FAMILY.facets(asked)["graph"] == "DQc"
    for wrong in ("graph6:", "graph6:DQ", "graph6:?"):
        assert wrong in str(FAMILY.check(ask(irreps_node="0e", data=wrong)))


def test_on_a_graph_nodes_are_alike_and_have_no_direction():
    asked = ask(irreps_node="1o+0e", channels=2)
    problem, inputs = on_graph(asked, decode("DQc"))
    assert problem.data == "graph6:DQc" and FAMILY.check(problem) is None
    np.testing.assert_array_equal(inputs["x"], np.tile([0.0, 0.0, 0.0, 1.0], (5, 2, 1)))
    np.testing.assert_array_equal(inputs["src"], graph("DQc").src)
    np.testing.assert_array_equal(inputs["dst"], graph("DQc").dst)
