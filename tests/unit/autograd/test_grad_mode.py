"""Grad modes as context managers and decorators, over generators and threads."""

import threading

import pytest

import wengert as wg


@pytest.mark.parametrize("mode", [wg.no_grad, wg.inference_mode])
def test_nothing_is_recorded_inside(mode) -> None:
    x = wg.ones(2, requires_grad=True)
    with mode():
        assert not wg.is_grad_enabled()
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_modes_nest_and_are_restored_after_errors() -> None:
    def fails() -> None:
        with wg.no_grad(), wg.enable_grad():
            assert wg.is_grad_enabled()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert wg.is_grad_enabled()


def test_one_object_may_be_entered_again() -> None:
    mode = wg.no_grad()
    with mode:
        with mode:
            assert not wg.is_grad_enabled()
        assert not wg.is_grad_enabled()
    assert wg.is_grad_enabled()


def test_decorators_with_and_without_parentheses() -> None:
    @wg.no_grad()
    def called() -> bool:
        """Kept."""
        return wg.is_grad_enabled()

    @wg.no_grad
    def plain() -> bool:
        return wg.is_grad_enabled()

    assert (called(), plain(), wg.is_grad_enabled()) == (False, False, True)
    assert called.__doc__ == "Kept."


def test_set_grad_enabled_acts_at_once_and_as_a_context() -> None:
    wg.set_grad_enabled(False)
    assert not wg.is_grad_enabled()
    wg.set_grad_enabled(True)
    with wg.set_grad_enabled(False):
        assert not wg.is_grad_enabled()
    assert wg.is_grad_enabled()


def test_decorating_with_set_grad_enabled_leaves_the_mode_alone() -> None:
    @wg.set_grad_enabled(False)
    def inside() -> bool:
        return wg.is_grad_enabled()

    assert wg.is_grad_enabled()
    assert not inside()
    assert wg.is_grad_enabled()


def test_generators_hold_the_mode_only_while_they_run() -> None:
    @wg.no_grad()
    def numbers():
        sent = yield wg.is_grad_enabled()
        try:
            yield sent, wg.is_grad_enabled()
        except KeyError:
            yield "caught", wg.is_grad_enabled()
        return "end"

    generator = numbers()
    assert next(generator) is False
    assert wg.is_grad_enabled()
    assert generator.send(7) == (7, False)
    assert generator.throw(KeyError()) == ("caught", False)
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "end"
    assert wg.is_grad_enabled()


def test_the_mode_belongs_to_the_thread() -> None:
    seen = []
    with wg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(wg.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_inference_mode_can_be_switched_off() -> None:
    with wg.inference_mode(False):
        assert wg.is_grad_enabled()
