"""Sizes in buckets from Python, by ctypes and NumPy alone: python3 use_buckets.py ./libbuckets.so"""
import ctypes
import json
import sys

import numpy as np

library = ctypes.CDLL(sys.argv[1])
library.buckets_new.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_uint64]
library.buckets_free.argtypes = [ctypes.c_void_p]
library.buckets_json.restype = ctypes.c_char_p
library.buckets_error.restype = ctypes.c_char_p
library.buckets_error.argtypes = [ctypes.c_void_p]
pointer = ctypes.c_void_p
library.buckets_f.argtypes = [pointer, ctypes.c_int64, pointer, pointer]
library.buckets_step.argtypes = [pointer, ctypes.c_int64, pointer, pointer]

table = json.loads(library.buckets_json().decode())
steps = [entry for entry in table["entries"] if entry.get("point") == "step"]
sizes = [entry["sizes"]["T"] for entry in steps]
pad = steps[0]["inputs"][0]["pad"]
assert (sizes, pad) == ([2, 3, 5], -1), table

model = ctypes.c_void_p()
assert library.buckets_new(ctypes.byref(model), 1, 7) == 0


def padded(rows):
    """Rows of different lengths as one array of the smallest size that holds them all."""
    longest = max(len(row) for row in rows)
    size = min(size for size in sizes if size >= longest)
    batch = np.full((len(rows), size), pad, np.float32)
    for into, row in zip(batch, rows):
        into[: len(row)] = row
    return batch


def call(function, batch, *shape):
    result = np.empty(shape, np.float32)
    status = function(model, batch.shape[1], batch.ctypes.data_as(pointer), result.ctypes.data_as(pointer))
    assert status == 0, library.buckets_error(model).decode()
    return result


batch = padded([[1, 2, 3, 4], [5]])
assert batch.shape == (2, 5)
assert np.allclose(call(library.buckets_f, batch, 2), 0.5 * batch.sum(axis=1))
losses = [float(call(library.buckets_step, padded([[1] * size, [1]]), 1)[0]) for size in (2, 3, 4) * 2]
assert np.isfinite(losses).all(), losses
library.buckets_free(model)
print("all is well")
