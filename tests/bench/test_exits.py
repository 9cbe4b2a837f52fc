"""How a command line ends: exit codes, and what is said."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from bench.commands.exit_codes import BAD_INPUT, INTERRUPTED, UNREAD, ended


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize("code", [0, 3, None])
def test_the_code_of_the_command(code):
    assert ended(lambda: code) == (code or 0)


@pytest.mark.parametrize("error", [ValueError("lmax -1: say 0 or more"), FileNotFoundError("x")])
def test_bad_input_is_said_in_one_line(error, capsys):
    assert ended(raising(error), (ValueError, OSError)) == BAD_INPUT
    assert capsys.readouterr().err == f"error: {error}\n"


def test_an_interrupt_says_how_to_go_on(capsys):
    assert ended(raising(KeyboardInterrupt())) == INTERRUPTED
    assert "the same command continues" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ZeroDivisionError, FileNotFoundError])
def test_what_the_harness_did_wrong_keeps_its_traceback(error):
    with pytest.raises(error):
        ended(raising(error()))


def test_a_broken_pipe_to_a_worker_is_not_taken_for_the_reader_of_the_output():
    with pytest.raises(BrokenPipeError):
        ended(raising(BrokenPipeError()))


@pytest.mark.parametrize("lines", [2, 100_000])  # what fits into a buffer, and what does not
def test_a_reader_that_goes_away_is_no_error(lines):
    program = f"""if True:
        import sys
        from bench.commands.exit_codes import ended
        sys.stdin.read()
        sys.exit(ended(lambda: [print("a line") for _ in range({lines})] and None))
    """
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        process.stdin.close()
        assert process.wait(60) == UNREAD
        assert process.stderr.read() == b""


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_a_shell_closed_takes_what_is_written_and_no_file_takes_its_place(closed, tmp_path):
    program = f"""if True:
        import sys
        from bench.commands.exit_codes import ended
        def command():
            with open({str(tmp_path / "file")!r}, "w") as stream:
                print("a line"), print("an error", file=sys.stderr)
                assert stream.fileno() > 2
                stream.write("whole")
            return 3
        sys.exit(ended(command))
    """
    line = f"{shlex.join([sys.executable, '-c', program])} {closed}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert (tmp_path / "file").read_text() == "whole"
