"""Reverse-mode automatic differentiation from scratch, in plain Python.

This file is meant to be read from top to bottom; it is what wengert does, without the parts that
make it fast. Run it to see a small network learn the exclusive or:

    python docs/from_scratch.py

The idea. A program that computes a number is a list of elementary operations: add, multiply, tanh.
For each of them the derivative of its result with respect to each of its inputs is known from
school. The chain rule puts them together: if a change of `x` changes `a` and `b`, and both change
the loss, then

    d loss / d x  =  d loss / d a * d a / d x  +  d loss / d b * d b / d x.

So while the program runs we write down, for every result, what it was computed from and the
derivatives at that point. Afterwards we walk through the notes backwards, from the loss (whose
derivative with respect to itself is 1) to the inputs, and hand every value's gradient on to what it
was computed from. One walk gives the derivatives with respect to *all* inputs, however many there
are. This is why networks with millions of parameters can be trained.
"""

import math
import random
from itertools import pairwise


class Value:
    """A number that remembers how it was computed.

    `data` is the number. `inputs` are the values that it was computed from, and `local` the
    derivative of this value with respect to each of them. `grad` is filled in by `backward`.
    """

    def __init__(self, data, inputs=(), local=()):
        self.data = float(data)
        self.inputs = inputs
        self.local = local
        self.grad = 0.0

    # Every operation computes a number and states its derivatives. That is all it has to do:
    # nothing here knows about the rest of the program.

    def __add__(self, other):
        other = as_value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = as_value(other)
        # d(a b)/da = b and d(a b)/db = a
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        """A power with a constant exponent."""
        slope = exponent * self.data ** (exponent - 1) if exponent else 0.0
        return Value(self.data**exponent, (self,), (slope,))

    def exp(self):
        result = math.exp(self.data)
        return Value(result, (self,), (result,))

    def log(self):
        return Value(math.log(self.data), (self,), (1.0 / self.data,))

    def tanh(self):
        result = math.tanh(self.data)
        return Value(result, (self,), (1.0 - result * result,))

    def relu(self):
        positive = self.data > 0
        return Value(self.data if positive else 0.0, (self,), (1.0 if positive else 0.0,))

    # The rest needs no derivatives of its own: it is written with the operations above.

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -as_value(other)

    def __truediv__(self, other):
        return self * as_value(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return as_value(other) - self

    def __rtruediv__(self, other):
        return as_value(other) / self

    def sigmoid(self):
        return 1.0 / (1.0 + (-self).exp())

    def backward(self):
        """Adds, to the `grad` of all that this value depends on, its derivative by it."""
        gradients = {id(self): 1.0}
        # A value may hand on its gradient only when it has received all of it, that is, after
        # everything that was computed from it. Walking the list backwards guarantees that.
        for value in reversed(topological_order(self)):
            gradient = gradients.pop(id(value))
            value.grad += gradient
            for source, derivative in zip(value.inputs, value.local, strict=True):
                # `+`, because a value that is used twice gets a share from each use.
                gradients[id(source)] = gradients.get(id(source), 0.0) + gradient * derivative

    def __repr__(self):
        return f"Value({self.data:.6g})"


def as_value(number):
    return number if isinstance(number, Value) else Value(number)


def topological_order(root):
    """Everything `root` depends on, and `root` last: inputs always come before what uses them.

    A depth-first search. It keeps its own stack instead of calling itself, because a program with a
    loop of ten thousand steps makes a chain of ten thousand values, and Python does not nest calls
    that deep.
    """
    order = []
    seen = {id(root)}
    stack = [(root, iter(root.inputs))]
    while stack:
        value, remaining = stack[-1]
        for source in remaining:
            if id(source) not in seen:
                seen.add(id(source))
                stack.append((source, iter(source.inputs)))
                break
        else:
            # All inputs are in the list already, so this one may follow.
            order.append(value)
            stack.pop()
    return order


# With numbers that remember, vectors and matrices are ordinary lists, and linear algebra is
# ordinary Python. The derivative of a matrix product follows by itself. (wengert records one note
# for a whole matrix product instead of one per multiplication; that is most of its speed.)


def matmul(a, b):
    """The product of two matrices, given as lists of rows."""
    columns = list(zip(*b, strict=True))
    return [[dot(row, column) for column in columns] for row in a]


def dot(a, b):
    return sum((x * y for x, y in zip(a, b, strict=True)), Value(0.0))


# A network is a function with many adjustable numbers.


class Layer:
    """Every output is tanh(weights . inputs + bias)."""

    def __init__(self, inputs, outputs, generator):
        scale = 1.0 / math.sqrt(inputs)
        self.weights = [
            [Value(generator.uniform(-scale, scale)) for _ in range(outputs)] for _ in range(inputs)
        ]
        self.biases = [Value(0.0) for _ in range(outputs)]

    def __call__(self, rows):
        return [
            [(x + bias).tanh() for x, bias in zip(row, self.biases, strict=True)]
            for row in matmul(rows, self.weights)
        ]

    def parameters(self):
        return [weight for row in self.weights for weight in row] + self.biases


class Network:
    """Layers, one after the other; `sizes` counts the inputs, the hidden units and the outputs."""

    def __init__(self, sizes, seed=0):
        generator = random.Random(seed)
        self.layers = [Layer(a, b, generator) for a, b in pairwise(sizes)]

    def __call__(self, rows):
        for layer in self.layers:
            rows = layer(rows)
        return rows

    def parameters(self):
        return [parameter for layer in self.layers for parameter in layer.parameters()]


def mean_squared_error(outputs, targets):
    differences = [
        (output - target) ** 2
        for row, target_row in zip(outputs, targets, strict=True)
        for output, target in zip(row, target_row, strict=True)
    ]
    return sum(differences, Value(0.0)) / len(differences)


def train(network, inputs, targets, steps=500, step_size=0.5):
    """Gradient descent: again and again a small step against the gradient."""
    rows = [[Value(x) for x in row] for row in inputs]
    for step in range(steps):
        loss = mean_squared_error(network(rows), targets)
        for parameter in network.parameters():
            parameter.grad = 0.0
        loss.backward()
        for parameter in network.parameters():
            parameter.data -= step_size * parameter.grad
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step:4d}   loss {loss.data:.6f}")
    return loss.data


if __name__ == "__main__":
    # The exclusive or: -1 and +1 stand for false and true. No single layer can do it.
    xor_inputs = [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    xor_targets = [[-1], [1], [1], [-1]]
    xor = Network([2, 4, 1])
    train(xor, xor_inputs, xor_targets)
    for row, output in zip(
        xor_inputs, xor([[Value(x) for x in r] for r in xor_inputs]), strict=True
    ):
        print(row, "->", f"{output[0].data:+.3f}")
