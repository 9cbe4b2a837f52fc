"""What `make` installs, by what nvidia-smi says: made-up cards and drivers, and their pins."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.record.regressions import flags

ROOT = Path(__file__).parents[2]
FILES = ("constraints-cuda12.txt", "constraints-cuda13.txt")
PYTHONS = ("3.11", "3.12", "3.13")
TOOLKIT = re.compile(r"(cuda-toolkit|nvidia-(cuda-\w+|nvvm|nvjitlink|nvtx))(-cu\d+)?")
"""Packages whose version is that of CUDA; cuBLAS and others count for themselves."""
BINDINGS = ("cuda-bindings", "cuda-pathfinder")
"""What PyTorch calls CUDA by from Python: of a version of its own."""
H100, V100, K80 = "9.0, NVIDIA H100 PCIe", "7.0, Tesla V100-SXM2-16GB", "3.7, Tesla K80"
B200, TITAN = "10.0, NVIDIA B200", "[N/A], NVIDIA TITAN"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("cuda_build", ROOT / "tools/cuda_build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["cuda_build"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["cuda_build"]


@pytest.mark.parametrize(
    "listed, build, said",
    [
        ("", "CPU", "no NVIDIA GPU"),
        ("No devices were found", "CPU", "no NVIDIA GPU"),
        (f"580.65.06, {H100}", "CUDA13", "H100 PCIe, driver 580.65.06: .* CUDA 13"),
        (f"610.10, {B200}", "CUDA13", "CUDA 13"),
        ("580.65.06, 7.5, Tesla T4", "CUDA13", "CUDA 13"),
        (f"580.65.06, {TITAN}", "CUDA13", "CUDA 13"),
        (f"575.57.08, {H100}", "CUDA12", "CUDA 12, since the driver is older than 580"),
        (f"525.60.13, {H100}", "CUDA12", "CUDA 12"),
        ("570.10, NVIDIA H100 PCIe", "CUDA12", "CUDA 12"),
        (f"580.65.06, {V100}", "CUDA12", "no kernels for its compute capability 7.0"),
        (f"580.65.06, {H100}\n580.65.06, {V100}", "CUDA12", "V100"),
        (f"570.10, {B200}", "CPU_ONLY", "B200 is not used: .* 12.6 have no kernels .* 10.0"),
        (f"524.99, {H100}", "CPU_ONLY", "older than 525.* install a driver of 580"),
        ("470.256.02, NVIDIA A100-SXM4-40GB", "CPU_ONLY", "older than 525"),
        (f"550.54, {K80}", "CPU_ONLY", "compute capability 3.7 is below 5.2"),
    ],
)
def test_the_build_that_a_driver_and_a_card_can_run(tool, listed, build, said):
    found, why = tool.decide(tool.read(listed))
    assert found == getattr(tool, build)
    assert re.search(said, why) and "\n" not in why


@pytest.mark.parametrize(
    "listed", ["Failed to initialize NVML: Unknown Error", "[N/A], 9.0, NVIDIA H100", "580.65.06"]
)
def test_a_line_that_is_none_is_not_taken_for_a_card(tool, listed):
    with pytest.raises(tool.NoAnswer, match=re.escape(listed)):
        tool.read(listed)


def smi(folder, body):
    """Put a program of the name nvidia-smi into a folder; return the environment that finds it."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


OLD = """case "$1" in
*compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2;;
*) echo "470.256.02, Tesla K80";;
esac"""


@pytest.mark.parametrize(
    "body, said, written",
    [
        (f"echo '580.65.06, {H100}'", "with CUDA 13", "torch==2.13.0\njax[cuda13]\n"),
        (
            f"echo '560.35.03, {H100}'",
            "with CUDA 12",
            "--extra-index-url https://download.pytorch.org/whl/cu126\n"
            "torch==2.13.0+cu126\njax[cuda12]\n",
        ),
        (
            OLD,
            "K80 is not used: driver 470.256.02 is older than 525",
            "--extra-index-url https://download.pytorch.org/whl/cpu\ntorch==2.13.0+cpu\njax\n",
        ),
        (
            "echo 'NVIDIA-SMI has failed because it could not reach the driver.'; exit 9",
            "nvidia-smi fails (NVIDIA-SMI has failed",
            "torch==2.13.0\njax\n",
        ),
        ("exit 6", "nvidia-smi fails (exit code 6)", "torch==2.13.0\njax\n"),
    ],
)
def test_what_make_hands_to_pip(tmp_path, body, said, written):
    """With the interpreter alone: nothing is installed when `make` asks."""
    command = [sys.executable, "-I", "-S", str(ROOT / "tools/cuda_build.py")]
    command += ["--write", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=smi(tmp_path, body)
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout and done.stdout.count("\n") == 1
    assert (tmp_path / "frameworks.txt").read_text(encoding="utf-8") == written
    pins = (tmp_path / "constraints.txt").read_text(encoding="utf-8")
    assert ("jax==0.10.2" in pins) == ("cuda1" not in written)


def pins(tool, text, python, platform="linux"):
    """Return {package: specifier} of constraints, as pip reads them under a Python."""
    packaging = pytest.importorskip("packaging.requirements")
    found = {}
    for line in text.splitlines():
        if not tool.name_of(line):
            continue
        requirement = packaging.Requirement(line)
        environment = {"python_version": python, "sys_platform": platform}
        if requirement.marker is not None and not requirement.marker.evaluate(environment):
            continue
        name = tool.name_of(requirement.name)
        assert name not in found, f"{name} is constrained twice under Python {python}"
        found[name] = requirement.specifier
    return found


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("build", ["CUDA12", "CUDA13"])
def test_no_jax_with_slow_scatters_is_allowed_on_cuda(tool, build, python):
    allowed = pins(tool, tool.constraints(getattr(tool, build)), python)
    good = "0.10.1" if python == "3.11" else "0.11.2"
    assert flags({"jaxlib": good}, "cuda") == {}
    for package in ("jax", "jaxlib"):
        assert allowed[package].contains(good)
        for slow in ("0.10.2", "0.10.3", "0.11.0"):
            assert flags({"jaxlib": slow}, "cuda") and not allowed[package].contains(slow)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_cpu_keeps_its_pins(tool, python):
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert tool.constraints(tool.CPU) == tool.constraints(tool.CPU_ONLY) == text
    assert pins(tool, text, python)["jax"].contains("0.10.2")


@pytest.mark.parametrize("build", ["CUDA12", "CUDA13"])
def test_other_pins_stay_where_cuda_is_installed(tool, build):
    ours = pins(tool, tool.constraints(tool.CPU), "3.12")
    merged = pins(tool, tool.constraints(getattr(tool, build)), "3.12")
    changed = {name for name in ours if merged[name] != ours[name]}
    assert changed == {"jax", "jaxlib"}


@pytest.mark.parametrize("file, minor", [(FILES[0], "12.6"), (FILES[1], "13.0")])
def test_one_minor_of_cuda(tool, file, minor):
    found = pins(tool, (ROOT / file).read_text(encoding="utf-8"), "3.12")
    of_cuda = {n: str(s) for n, s in found.items() if n.startswith(("nvidia-", "cuda-"))}
    assert all(of_cuda.pop(name, "==").startswith("==") for name in BINDINGS)
    assert of_cuda and all(TOOLKIT.fullmatch(name) for name in of_cuda)
    assert set(of_cuda.values()) == {f"=={minor}.*"}
    suffix = "-cu12" if minor.startswith("12") else ""
    # ptxas comes with nvcc, and torch has no pin of it
    assert {f"nvidia-cuda-nvcc{suffix}", f"nvidia-nvjitlink{suffix}"} <= set(of_cuda)


def test_no_host_but_the_download_index_of_pytorch_is_named():
    for name in ("Makefile", "requirements.txt", "constraints.txt", "tools/cuda_build.py", *FILES):
        text = (ROOT / name).read_text(encoding="utf-8")
        hosts = set(re.findall(r"https?://([^/\s\"']+)", text))
        assert hosts <= {"download.pytorch.org"}, (name, hosts)


def test_make_installs_by_the_tool():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = text[text.index("$(READY): ") : text.index("touch $(READY)")]
    assert "tools/cuda_build.py --write $(VENV)" in recipe
    installs = re.findall(r"\$\(PIP\) (.*)", recipe)
    assert [i.split()[-1] for i in installs] == ["$(VENV)/frameworks.txt", "requirements.txt"]
    assert all(i.startswith("-c $(VENV)/constraints.txt -r ") for i in installs)


def pip(*arguments, timeout):
    """Run pip; skip where its index does not answer in time."""
    command = [sys.executable, "-m", "pip", "--retries", "0", "--timeout", "15", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the package index did not answer within {timeout} s")


def named_exactly(tool, installed):
    """Return the names of packages whose version another one of a report of pip's fixes."""
    requirement = pytest.importorskip("packaging.requirements").Requirement
    needed = [requirement(r) for i in installed for r in i["metadata"].get("requires_dist", ())]
    found = [(tool.name_of(r.name), {(s.operator, s.version) for s in r.specifier}) for r in needed]
    return {
        name
        for name, bounds in found
        for version in {version for _, version in bounds}
        if ("==", version) in bounds or {("<=", version), (">=", version)} <= bounds
    }


@pytest.mark.slow
@pytest.mark.index
def test_pip_finds_a_set_for_cuda_13(tool, tmp_path):
    """Nothing is installed: pip resolves for a machine with Linux and Python 3.12."""
    if pip("index", "versions", "jax-cuda13-plugin", timeout=60).returncode:
        pytest.skip("no package index answers")
    # pip judges markers by the interpreter that runs, and not by the one that is named
    pinned = pins(tool, tool.constraints(tool.CUDA13), "3.12").items()
    lines = "".join(f"{name}{specifier}\n" for name, specifier in pinned)
    (tmp_path / "constraints.txt").write_text(lines, encoding="utf-8")
    (tmp_path / "frameworks.txt").write_text(tool.requirements(tool.CUDA13), encoding="utf-8")
    report = tmp_path / "report.json"
    manylinux = [f"manylinux_2_{minor}_x86_64" for minor in range(5, 29)] + ["manylinux2014_x86_64"]
    done = pip(
        *("install", "--dry-run", "--ignore-installed", "--quiet", "--only-binary=:all:"),
        *("--python-version", "3.12", "--implementation", "cp", "--ignore-requires-python"),
        *(part for name in manylinux for part in ("--platform", name)),
        *("--target", str(tmp_path / "nothing"), "--report", str(report)),
        *("-c", str(tmp_path / "constraints.txt"), "-r", str(tmp_path / "frameworks.txt")),
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    found = {tool.name_of(i["metadata"]["name"]): i["metadata"]["version"] for i in installed}
    assert found["jax"] == found["jaxlib"] == found["jax-cuda13-plugin"] == "0.11.2"
    assert flags(found, "cuda") == {}
    minors = {n: ".".join(v.split(".")[:2]) for n, v in found.items() if TOOLKIT.fullmatch(n)}
    assert {"cuda-toolkit", "nvidia-cuda-nvcc", "nvidia-nvvm", "nvidia-nvjitlink"} <= set(minors)
    assert set(minors.values()) == {"13.0"}, minors
    assert not set(found) - {name for name, _ in pinned} - named_exactly(tool, installed)
