"""rearrange: patterns, and what is wrong with them."""

import pytest

import wengert as wg
from wengert.func import rearrange, vmap

X = wg.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("pattern", "lengths", "expected"),
    [
        ("a b c -> c a b", {}, X.permute(2, 0, 1)),
        ("a b c -> (a b) c", {}, X.reshape(6, 4)),
        ("a b c -> a (c b)", {}, X.permute(0, 2, 1).reshape(2, 12)),
        ("a b (c d) -> a d b c", {"d": 2}, X.reshape(2, 3, 2, 2).permute(0, 3, 1, 2)),
        ("a ... -> ... a", {}, X.permute(1, 2, 0)),
        ("... c -> (...) c", {}, X.reshape(6, 4)),
        ("a ... -> (a ...)", {}, X.reshape(-1)),
        ("a b c -> a 1 b c ()", {}, X[:, None, ..., None]),
        ("(a 1) b c -> b a c", {}, X.permute(1, 0, 2)),
        ("a b c ... -> ... c b a", {}, X.permute(2, 1, 0)),
    ],
)
def test_patterns(pattern, lengths, expected):
    found = rearrange(X, pattern, **lengths)
    assert found.shape == expected.shape
    assert (found == expected).all()


def test_a_list_is_stacked():
    assert rearrange([X[0], X[1]], "n a b -> a b n").shape == (3, 4, 2)
    assert (rearrange(list(X), "n a b -> n a b") == X).all()


def test_inside_of_transforms():
    assert (vmap(lambda x: rearrange(x, "a b -> b a"))(X) == X.transpose(1, 2)).all()
    x = wg.arange(6.0).requires_grad_()
    rearrange(x, "(a b) -> b a", a=2)[0].sum().backward()
    assert x.grad.tolist() == [1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("pattern", "lengths", "text"),
    [
        ("a b c", {}, "exactly one '->'"),
        ("a b -> b a", {}, "Number of dimensions"),
        ("a b c d ... -> a b c d ...", {}, "Number of dimensions"),
        ("a b c -> a b", {}, "only on one side"),
        ("a a c -> a c", {}, "duplicate dimension"),
        ("a b c -> (a b c", {}, "not balanced"),
        ("a b c -> a b) c", {}, "not balanced"),
        ("a b c -> ((a b) c)", {}, "inside brackets"),
        ("a b c -> a b c%", {}, "Invalid axis identifier"),
        ("(...) c -> ... c", {}, "Ellipsis inside brackets"),
        ("a b (c d) -> a b c d", {}, "Could not infer sizes"),
        ("a b (c d) -> a b c d", {"d": 3}, "can't divide axis of length 4 in chunks of 3"),
        ("a b c -> c b a", {"a": 3}, "Shape mismatch, 2 != 3"),
        ("a b c -> c b a", {"z": 3}, "are not in"),
    ],
)
def test_errors(pattern, lengths, text):
    with pytest.raises(ValueError, match=text):
        rearrange(X, pattern, **lengths)
