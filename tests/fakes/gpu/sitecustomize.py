"""Reaches every Python process that has this folder on PYTHONPATH; see `pretend_gpu`."""

import os

if os.environ.get("EQUIBENCH_PRETEND_GPU"):
    import pretend_gpu

    pretend_gpu.activate()
