"""Reads the operator table (ops/*.py) and writes C++, the stub and the documentation from it."""
