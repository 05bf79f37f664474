"""What programs name of quantization at import; see :mod:`wengert.ao.quantization`."""
