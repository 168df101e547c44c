"""numba, for the CPU."""

import numba
import numpy


@numba.njit
def total(x):
    result = 0.0
    for value in x:
        result += value
    return result


assert total(numpy.ones(1000)) == 1000
