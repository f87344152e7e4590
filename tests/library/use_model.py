"""A compiled model from Python, by ctypes and NumPy alone: python3 use_model.py ./libm_model.so"""
import ctypes
import json
import sys

import numpy as np

library = ctypes.CDLL(sys.argv[1])
library.m_new.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_uint64]
library.m_free.argtypes = [ctypes.c_void_p]
library.m_json.restype = ctypes.c_char_p
library.m_param.restype = ctypes.POINTER(ctypes.c_float)
library.m_param.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int64)]
library.m_error.restype = ctypes.c_char_p
library.m_error.argtypes = [ctypes.c_void_p]

table = json.loads(library.m_json().decode())
assert "W" in json.dumps(table), table

model = ctypes.c_void_p()
assert library.m_new(ctypes.byref(model), 2, 7) == 0


def call(name, inputs, *shapes):
    """Calls an entry point; results are new arrays of the given shapes."""
    results = [np.empty(shape, np.float32) for shape in shapes]
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in list(inputs) + results]
    function = getattr(library, "m_" + name)
    function.argtypes = [ctypes.c_void_p] * (1 + len(pointers))
    status = function(model, *pointers)
    assert status == 0, library.m_error(model).decode()
    return results


count = ctypes.c_int64()
W = np.ctypeslib.as_array(library.m_param(model, b"W", ctypes.byref(count)), (3, 3))
assert count.value == 9
x = np.array([[1, 2, 3], [-1, 0.5, 2]], np.float32)
(y,) = call("f", [x], (2, 3))
assert np.allclose(y, np.tanh(x @ W), atol=1e-6), (y, np.tanh(x @ W))

target = np.zeros((2, 3), np.float32)
losses = [float(call("step", [x, target], ())[0]) for _ in range(50)]
assert losses[-1] < 0.2 * losses[0], losses
library.m_free(model)
print("all is well")
