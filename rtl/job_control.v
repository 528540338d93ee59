// Job control: ends every job, the good ones in silence and the failed ones in order.
//
// Contract    jobs end in the order of their starts, each with irq and a status code;
//             a job that fails drops what its input streams still hold up to TLAST and
//             closes the output with TLAST and TUSER; the jobs before it are whole, the
//             jobs behind it run. When the watchdog expires, every job in flight fails
//             with a closing beat each, and nothing is dropped; so does every job that is
//             started before a reset
// Latency     see docs/rtl/control.md
//
//   RUN -weights wrong-> WAIT -earlier job out-> FLUSH -streams over-> CLOSE -> RUN
//    |-fetched job wrong, array empty-------------^                     ^
//    +-watchdog, or a job after it--------------------------------------+
`include "status_codes.vh"
`default_nettype none

module job_control (
    input  wire        clk,
    input  wire        rst,

    input  wire        irq_clear,
    input  wire [31:0] watchdog,           // cycles without progress; 0: wait for ever
    input  wire        progress,           // a beat moved, a pixel was computed, a check runs

    input  wire        fetching,           // a job is started and not launched
    input  wire        launch,
    input  wire        out_enter,          // a beat entered the output's skid buffer
    input  wire        out_leave,          // a beat left it
    input  wire        out_end,            // and was the last one of a good job
    input  wire        fetch_failed,
    input  wire [7:0]  fetch_error,
    input  wire        run_wgt_early,      // the weight stream of the job in the array
    input  wire        run_wgt_late,
    input  wire        act_ended,
    input  wire        wgt_ended,

    output wire        normal,             // no failure is being dealt with
    output wire        abort,              // clears everything that computes
    output reg         flush_start,        // one cycle: FLUSH begins for the fetched job
    output wire        flush_act,
    output wire        flush_wgt,
    output wire        drop,               // the fetched job has been ended

    output wire        close_valid,        // the closing beat of a failed job
    input  wire        close_ready,

    output wire        busy,
    output reg  [1:0]  pending,            // jobs in the array and in the output stages
    output wire        job_end,            // one cycle
    output reg  [7:0]  end_error,
    output reg         irq,
    output reg  [7:0]  error,              // of the job that ended last
    output reg  [15:0] jobs_done
);

    localparam [1:0] RUN = 2'd0, WAIT = 2'd1, FLUSH = 2'd2, CLOSE = 2'd3;

    reg [1:0]  state;
    reg        victim_fetched;             // the failed job never reached the array
    reg        expired;                    // every job fails, until a reset
    reg [7:0]  fault;
    reg [31:0] quiet;                      // cycles since the last progress
    reg [1:0]  held;                       // beats in the skid buffer
    reg [1:0]  stale;                      // of them, those of jobs that have failed since

    // The first time, every job in flight falls; each further time, the closing beat that
    // the output does not take is given up.
    wire expires = watchdog != 32'd0 && quiet >= watchdog && busy && !progress;
    wire all     = expired || expires;
    wire good    = out_end && stale == 2'd0;
    wire closed  = state == CLOSE && (close_ready || (expired && expires));
    wire last_victim = !all || (pending == 2'd0) || (pending == 2'd1 && !fetching);
    wire fetched = all ? pending == 2'd0 : victim_fetched;

    assign normal      = state == RUN;
    assign abort       = state == FLUSH || state == CLOSE;
    assign flush_act   = state == FLUSH && victim_fetched && !flush_start;
    assign flush_wgt   = state == FLUSH && !flush_start;
    assign close_valid = state == CLOSE;
    assign drop        = closed && fetched;
    assign busy        = fetching || pending != 2'd0 || state != RUN;
    assign job_end     = closed || good;

    always @* begin
        end_error = `CONV_PE_NONE;
        if (closed)
            end_error = fetched && fetch_error != `CONV_PE_NONE ? fetch_error : fault;
    end

    always @(posedge clk) begin
        flush_start <= 1'b0;
        held        <= held + {1'b0, out_enter} - {1'b0, out_leave};
        if (out_leave && stale != 2'd0)
            stale <= stale - 2'd1;
        quiet       <= progress || !busy ? 32'd0 : quiet + 32'd1;
        pending     <= pending + {1'b0, launch} - {1'b0, good || (closed && !fetched)};
        if (irq_clear)
            irq <= 1'b0;
        if (job_end) begin
            irq       <= 1'b1;
            error     <= end_error;
            jobs_done <= jobs_done + 16'd1;
        end
        case (state)
            RUN:
                if (expired && fetching)
                    state <= CLOSE;
                else if (run_wgt_early || run_wgt_late) begin
                    state          <= WAIT;
                    victim_fetched <= 1'b0;
                    fault          <= run_wgt_early ? `CONV_PE_WGT_EARLY : `CONV_PE_WGT_LATE;
                end else if (fetch_failed && pending == 2'd0) begin
                    state          <= FLUSH;
                    victim_fetched <= 1'b1;
                    flush_start    <= 1'b1;
                end
            WAIT:
                if (pending == 2'd1)
                    state <= FLUSH;
            FLUSH:
                if (wgt_ended && (act_ended || !victim_fetched) && !flush_start)
                    state <= CLOSE;
            default:
                if (closed) begin
                    fault <= `CONV_PE_WATCHDOG;
                    if (last_victim)
                        state <= RUN;
                end
        endcase
        if (expires) begin
            quiet   <= 32'd0;
            expired <= 1'b1;
            if (!expired)
                stale <= held + {1'b0, out_enter};
            if (state != CLOSE)
                state <= CLOSE;
            if (state == RUN || state == WAIT)
                fault <= `CONV_PE_WATCHDOG;
        end
        if (rst) begin
            state       <= RUN;
            flush_start <= 1'b0;
            expired     <= 1'b0;
            pending     <= 2'd0;
            held        <= 2'd0;
            stale       <= 2'd0;
            quiet       <= 32'd0;
            irq         <= 1'b0;
            error       <= `CONV_PE_NONE;
            jobs_done   <= 16'd0;
        end
    end

endmodule

`default_nettype wire
