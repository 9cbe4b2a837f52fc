"""A pretend GPU: torch.cuda and NVML without a card, on a device that lives in virtual time.

It is on in every Python process that has `tests/fakes/gpu` on PYTHONPATH and the variable
EQUIBENCH_PRETEND_GPU: "1", or settings as JSON (`settings.Settings`). Nothing happens without it.

* torch: tensors that are asked for on "cuda" lie on the CPU and say that they do not (`tensors`);
  streams, events and graphs belong to one queue with its own clock (`device`, `torch_cuda`).
* `pynvml` is `nvml`; `bin/nvidia-smi` is for the PATH.
* JAX stays what it is: it sees no GPU.

What it is not: times mean nothing beyond the model, what is large has no numbers, the compiler of
PyTorch is not supported, all kernels have one name, and threads other than the main one have no
pretend tensors.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path


class Finder:
    """Gives `pynvml` its stand-in, and patches torch when it has been imported."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "pynvml":
            return importlib.util.spec_from_file_location(name, Path(__file__).with_name("nvml.py"))
        if name != "torch":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None:
            executed = spec.loader.exec_module

            def exec_module(module):
                executed(module)
                from pretend_gpu import torch_cuda

                torch_cuda.install()

            spec.loader.exec_module = exec_module
        return spec


class Installed(importlib.machinery.PathFinder):
    """Finds what is installed, but for what is said to be absent."""

    absent = ()

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in cls.absent:
            return None
        return super().find_spec(name, path, target)


def activate():
    """Put the pretend GPU before everything that is imported from now on."""
    from pretend_gpu.settings import read

    Installed.absent = read().absent
    if Installed.absent:
        sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Installed
    sys.meta_path.insert(0, Finder)
