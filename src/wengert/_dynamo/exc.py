"""Errors of a compiler that is not there, for `except` clauses."""

__all__ = ["BackendCompilerFailed", "TensorifyScalarRestartAnalysis", "TorchDynamoException",
           "Unsupported"]  # fmt: skip


class TorchDynamoException(RuntimeError):
    """Any error of the compiler."""


class BackendCompilerFailed(TorchDynamoException):
    """The part that generates code failed."""


class Unsupported(TorchDynamoException):
    """A program that cannot be captured."""


class TensorifyScalarRestartAnalysis(TorchDynamoException):
    """Asks for another try."""
