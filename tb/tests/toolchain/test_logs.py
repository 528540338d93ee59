"""The first error of a tool's output, in one line: recorded outputs, and what is none."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tb.toolchain import logs
from tb.toolchain.cocotb_runners import CommandError
from tb.toolchain.logs import LONGEST, error_in, first_error, last_line
from tb.toolchain.process import ending
from tb.toolchain.simulators import ToolError

HERE = Path.cwd()
OUTPUTS = {
    "verilator": (
        f"""%Warning-WIDTHTRUNC: {HERE}/rtl/x.v:7:9: Operator ASSIGN expects 4 bits: 8 bits.
        ... Use "/* verilator lint_off WIDTHTRUNC */" to disable this message. An error: no.
%Error: {HERE}/rtl/accumulator.v:51:7: syntax error, unexpected IDENTIFIER-for-instance
   51 |   foo bar baz (
      |       ^~~
%Error: Exiting due to 1 error(s)
""",
        "rtl/accumulator.v:51:7: syntax error, unexpected IDENTIFIER-for-instance",
    ),
    "verilator, named error": (
        f"%Error-MODMISSING: {HERE}/rtl/x.v:3:5: Cannot find file containing module: 'nonsuch'\n",
        "rtl/x.v:3:5: Cannot find file containing module: 'nonsuch'",
    ),
    "verilator, broken copy": (
        f"%Error: {HERE}/build/cache/.making-62-v6p/rtl/x.v:13:1: syntax error, unexpected end\n",
        "rtl/x.v:13:1: syntax error, unexpected end",
    ),
    "icarus": (
        f"{HERE}/rtl/x.v:9: warning: implicit definition of wire 'a'.\n"
        f"{HERE}/rtl/x.v:51: syntax error\n{HERE}/rtl/x.v:51: error: Invalid module item\n",
        "rtl/x.v:51: syntax error",
    ),
    "icarus, elaboration": (
        f"{HERE}/rtl/x.v:12: error: Unknown module type: nonsuch\n2 error(s) during elaboration.\n",
        "rtl/x.v:12: error: Unknown module type: nonsuch",
    ),
    "icarus, unsupported": (
        "rtl/x.v:4: sorry: no such thing.\n",
        "rtl/x.v:4: sorry: no such thing.",
    ),
    "g++": (
        "In file included from Vtop.cpp:3:\nVtop.cpp:9:2: warning: unused variable 'error: x'\n"
        "Vtop.cpp:12:3: error: 'q' was not declared in this scope\n   12 |  q = 1;\n"
        "make: *** [Vtop.mk:65: Vtop.o] Error 1\n",
        "Vtop.cpp:12:3: error: 'q' was not declared in this scope",
    ),
    "g++, option": (
        "g++ -O3 -c x.cpp\ng++: error: unrecognized command-line option '-fnonsense'\n",
        "g++: error: unrecognized command-line option '-fnonsense'",
    ),
    "g++, killed": (
        "g++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.\n",
        "g++: fatal error: Killed signal terminated program cc1plus",
    ),
    "linker": (
        "/usr/bin/ld: warning: x.o: missing .note.GNU-stack section\n"
        "/usr/bin/ld: x.o: in function `main':\nx.cpp:(.text+0x5): undefined reference to `f()'\n"
        "collect2: error: ld returned 1 exit status\n",
        "x.cpp:(.text+0x5): undefined reference to `f()'",
    ),
    "linker, library": (
        "/usr/bin/ld: cannot find -lz: No such file or directory\ncollect2: error: ld returned 1\n",
        "/usr/bin/ld: cannot find -lz: No such file or directory",
    ),
    "ccache": (
        "make: Entering directory 'out'\nccache g++ -I. -c x.cpp\n"
        "make: ccache: No such file or directory\nmake: *** [Vtop.mk:65: x.o] Error 127\n",
        "make: ccache: No such file or directory",
    ),
    "shell": (
        "/bin/sh: 1: ccache: not found\nmake: *** [x] Error 127\n",
        "/bin/sh: 1: ccache: not found",
    ),
    "disk": (
        "x.cpp:1: fatal error: error writing to /t/x.s: No space left on device\n",
        "x.cpp:1: fatal error: error writing to /t/x.s: No space left on device",
    ),
    "make alone": ("make: *** [Vtop.mk:65: x.o] Killed\n", "make: *** [Vtop.mk:65: x.o] Killed"),
    "perl": (
        "Can't locate File/Spec.pm in @INC (you may need to install it) at verilator line 9.\n",
        "Can't locate File/Spec.pm in @INC (you may need to install it) at verilator line 9.",
    ),
    "yosys": (
        "Warning: multiple drivers\nrtl/x.v:51: ERROR: syntax error, unexpected TOK_ID\n",
        "rtl/x.v:51: ERROR: syntax error, unexpected TOK_ID",
    ),
    "cocotb, library": (
        "     -.--ns INFO     gpi      ../gpi/GpiCommon.cpp:242  in gpi_load_users     Loaded\n"
        "     -.--ns ERROR    gpi      ..ib/gpi/dynload.cpp:42   in utils_dyn_open     "
        "Unable to open lib 'libpython3.so': cannot open shared object file\n",
        "Unable to open lib 'libpython3.so': cannot open shared object file",
    ),
    "cocotb, import": (
        "     0.00ns INFO     cocotb.initialize      Running on Verilator version 5.49\n"
        "Traceback (most recent call last):\n"
        '  File "/v/site-packages/cocotb/regression.py", line 255, in discover_tests\n'
        "    mod = import_module(module_name)\n          ^^^^^^^\n"
        '  File "<frozen importlib._bootstrap>", line 1140, in _find_and_load_unlocked\n'
        "ModuleNotFoundError: No module named 'nonsuch'\n",
        "ModuleNotFoundError: No module named 'nonsuch'",
    ),
    "cocotb, test": (
        f"""     0.00ns WARNING  cocotb.regression    equals failed
                              Traceback (most recent call last):
                                File "{HERE}/tb/cosim/cocotb_test.py", line 44, in _sequence
                                  config = read_jobs(folder)
                                           ^^^^^^^^^
                                File "/v/site-packages/msgspec/json.py", line 1, in decode
                              msgspec.DecodeError: Input data was truncated
     0.00ns INFO     cocotb.regression    ** TESTS=1 PASS=0 FAIL=1 SKIP=0 **
""",
        "tb/cosim/cocotb_test.py:44: msgspec.DecodeError: Input data was truncated",
    ),
    "vvp": (
        "vvp: symbol lookup error: cocotb.vpl: undefined symbol: vpi_get\n",
        "vvp: symbol lookup error: cocotb.vpl: undefined symbol: vpi_get",
    ),
    "no error": ("a.v:3: warning: error: x\n  5.00ns INFO  cocotb  job 3: 0 mismatches\n", ""),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_first_error_of_an_output_is_quoted(name: str) -> None:
    """Of each tool: the error with its file and line, not a warning ahead of it or what follows."""
    output, wanted = OUTPUTS[name]
    assert first_error(output) == wanted


def test_an_error_is_one_short_line() -> None:
    """A long one is cut, and a log that is not there has none."""
    assert len(first_error(f"x.cpp:1: error: {'long ' * 500}\n")) == LONGEST + 3
    assert error_in(Path("nonsuch.log")) == last_line(Path("nonsuch.log")) == ""


def test_the_last_line_of_a_log_stands_in_for_an_error_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("first\nhostile make\n\n")
    assert error_in(tmp_path / "a.log") == "" and last_line(tmp_path / "a.log") == "hostile make"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "ended with code 1"),
        (-9, "was ended by SIGKILL (out of memory?)"),
        (137, "was ended by SIGKILL (out of memory?)"),
        (-signal.SIGXCPU, "was ended by SIGXCPU (its time limit, see ulimit -t)"),
        (-signal.SIGTERM, "was ended by SIGTERM"),
        (-11, "was ended by SIGSEGV (it crashed)"),
        (255, "ended with code 255"),
    ],
)
def test_a_signal_is_named(code: int, words: str) -> None:
    """Whether the program was ended itself, or one that it had started."""
    assert ending(code) == words


def test_a_simulator_that_a_signal_ended_is_told_from_one_that_failed(tmp_path: Path) -> None:
    """Its signal stands ahead of the log's first error; from outside, no job is to blame."""
    log = tmp_path / logs.LOG
    log.write_text("  0.00ns INFO  cocotb  job 0\n")
    logs.check_not_ended(tmp_path)
    assert "job 0" in logs.ended_early(tmp_path, 1, 3)
    logs.note_ending(tmp_path, CommandError("sim_top", -signal.SIGSEGV))
    logs.check_not_ended(tmp_path)
    assert "jobs: the simulator was ended by SIGSEGV" in logs.ended_early(tmp_path, 1, 3)
    logs.note_ending(tmp_path, CommandError("vvp", -signal.SIGKILL))
    with pytest.raises(ToolError, match=r"the simulator was ended by SIGKILL \(out of memory\?\)"):
        logs.check_not_ended(tmp_path)
