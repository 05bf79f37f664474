"""Values where the references of the table are not good enough; from mpmath at 40 digits."""

import pytest

import wengert


@pytest.mark.parametrize(
    ("x", "value"),
    [
        (0.9998704359504924, 7.480020648031629537e-05),
        (1.0001, -5.7713342220471268005e-05),
        (1.9999, -4.2275208772153458011e-05),
        (0.01, 4.599479878042021722),
    ],
)
def test_lgamma_keeps_its_digits_at_its_zeros(x: float, value: float) -> None:
    found = wengert.lgamma(wengert.tensor(x, dtype=wengert.float64)).item()
    assert found == pytest.approx(value, rel=1e-14, abs=0)
