// Writes the waves of a window of time alone, and no more of them than a limit.
//
// For Verilator: this text stands in the copy of cocotb's main program that a build with
// waves compiles (tb/toolchain/wave_dump.py). Times are plusargs in ns, the limit is in bytes.
#include <sys/stat.h>

#include <cinttypes>
#include <cstdlib>
#include <cstring>

class WaveWindow final {
    static constexpr uint64_t STEPS_A_NS = 1000;  // the bench's time scale is 1ns/1ps
    static constexpr uint64_t CYCLE = 10 * STEPS_A_NS;

    bool ended = false;
    uint64_t from = 0, until = 0, pause = 0, limit = 0, next = 0;
    std::string file;

    static uint64_t number(const char *name, uint64_t otherwise) {
        const char *text = Verilated::commandArgsPlusMatch(name);
        const char *digits = strchr(text, '=');
        return digits ? strtoull(digits + 1, nullptr, 10) : otherwise;
    }

    bool too_large() const {
        struct stat facts;
        return stat(file.c_str(), &facts) == 0 && static_cast<uint64_t>(facts.st_size) > limit;
    }

public:
    template <class Trace>
    void open(Trace *trace, const char *path) {
        file = path;
        from = number("wave_from=", 0) * STEPS_A_NS;
        until = number("wave_until=", UINT64_MAX / STEPS_A_NS) * STEPS_A_NS;
        pause = number("wave_pause=", 0) * STEPS_A_NS;
        limit = number("wave_limit=", UINT64_MAX);
        next = from + pause;
        trace->dumpvars(1, "SIMULATION_TOP");
        trace->dumpvars(99, "SIMULATION_TOP.dut");
        trace->open(path);
    }

    template <class Trace>
    void dump(Trace *trace, uint64_t time) {
        if (ended || time < from) return;
        if (time < until) {
            trace->dump(time);
            if (pause == 0 || time < next) return;
            next = time + pause;
            trace->flush();
            if (!too_large()) return;
            printf("waves: the limit of %" PRIu64 " bytes is reached in cycle %" PRIu64 "\n",
                   limit, time / CYCLE);
            fflush(stdout);
        }
        trace->close();
        ended = true;
    }
};

static WaveWindow wave_window;
