"""What the page calls the kernel: what ran, and what was declared where nobody looked."""

from __future__ import annotations

from types import SimpleNamespace

from reports.data.receipt import kernel_of, said

RAN = {"aten::mul": 3, "fast::map": 1, "aten::add": 9, "aten::mm": 1, "aten::sum": 2}


def result(declared="the fast one", **details):
    measures = {probe: SimpleNamespace(detail=detail) for probe, detail in details.items()}
    return SimpleNamespace(detail={"kernel": declared}, measures=measures)


def test_what_ran_stands_before_what_was_declared():
    assert kernel_of(result()) == "the fast one"
    ran = kernel_of(result(receipt={"ran": RAN}))
    assert ran == "1 fast::map, 9 aten::add, 3 aten::mul, 2 aten::sum, 1 others"
    assert kernel_of(result(declared="", receipt={"ran": {}})) == ""


def test_on_a_gpu_it_is_what_the_driver_recorded():
    recorded = {"time.kernels": {"kernels": {"sgemm_32x32": 2.0, "fast_kernel<float>": 0.5}}}
    found = kernel_of(result(receipt={"ran": RAN}, **recorded))
    assert found == "2 sgemm_32x32, 0.5 fast_kernel<float>"
    unread = {"time.kernels": {"unavailable": "no"}}
    assert "fast::map" in kernel_of(result(receipt={"ran": RAN}, **unread))


def test_a_target_of_xla_is_told_from_its_instructions():
    ran = {"fusion": 4, "reduce-window": 1, "equibench_map_rows_float32": 1, "dot": 2, "copy": 1}
    assert said(ran).startswith("1 equibench_map_rows_float32, 4 fusion, 2 dot, ")
