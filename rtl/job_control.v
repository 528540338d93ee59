// Job control: takes a job from its descriptor to its last output beat.
//
// Contract    every accepted job ends with irq and a status code; a job that
//             fails drops what its input streams still hold up to TLAST, closes
//             the output with TLAST and TUSER, and leaves the PE ready
// Latency     see docs/rtl/control.md
//
//   IDLE -start-> CHECK -ok-> LOAD -tile in-> RUN -last beat out-> IDLE
//                   |           |               |
//                   +-----------+----- error ---+--> FLUSH -> CLOSE -> IDLE
`include "status_codes.vh"
`default_nettype none

module job_control (
    input  wire        clk,
    input  wire        rst,

    input  wire        start,
    input  wire        irq_clear,
    input  wire [31:0] watchdog,           // cycles without progress; 0: wait for ever
    input  wire        progress,           // a beat moved or a pixel was computed

    output reg         check_start,
    input  wire        check_done,
    input  wire [7:0]  check_error,

    output reg         load_start,
    output wire        load_act,
    output wire        load_wgt,
    output wire        swallow,
    input  wire        act_complete,
    input  wire        act_ended,
    input  wire        act_early,
    input  wire        act_late,
    input  wire        wgt_complete,
    input  wire        wgt_ended,
    input  wire        wgt_early,
    input  wire        wgt_late,

    output reg         run_start,
    input  wire        sequencer_idle,
    input  wire        pipeline_idle,      // nothing between the sequencer and the output
    output wire        abort,              // clears everything that computes

    output wire        close_valid,        // the closing beat of a failed job
    input  wire        close_ready,

    output wire        busy,
    output wire        loading,
    output reg         irq,
    output reg  [7:0]  error,
    output reg  [15:0] jobs_done
);

    localparam [2:0] IDLE = 3'd0, CHECK = 3'd1, LOAD = 3'd2, RUN = 3'd3, FLUSH = 3'd4, CLOSE = 3'd5;

    reg [2:0]  state;
    reg [31:0] quiet;                      // cycles since the last progress

    wire stream_error = act_early || act_late || wgt_early || wgt_late;
    wire expired      = watchdog != 32'd0 && quiet >= watchdog;
    wire finished     = sequencer_idle && pipeline_idle && wgt_complete && !run_start;

    assign busy        = state != IDLE;
    assign loading     = state == LOAD;
    assign load_act    = state == LOAD;
    assign load_wgt    = state == LOAD || state == RUN;
    assign swallow     = state == FLUSH;
    assign abort       = state == FLUSH || state == CLOSE;
    assign close_valid = state == CLOSE;

    always @(posedge clk) begin
        check_start <= 1'b0;
        load_start  <= 1'b0;
        run_start   <= 1'b0;
        quiet       <= progress || state == IDLE || state == CHECK ? 32'd0 : quiet + 32'd1;
        if (irq_clear)
            irq <= 1'b0;
        case (state)
            IDLE:
                if (start) begin
                    state       <= CHECK;
                    check_start <= 1'b1;
                    error       <= `CONV_PE_NONE;
                end
            CHECK:
                if (check_done) begin
                    load_start <= 1'b1;
                    error      <= check_error;
                    state      <= check_error == `CONV_PE_NONE ? LOAD : FLUSH;
                end
            LOAD:
                if (act_complete && !load_start) begin
                    state     <= RUN;
                    run_start <= 1'b1;
                end
            RUN:
                if (finished) begin
                    state     <= IDLE;
                    irq       <= 1'b1;
                    jobs_done <= jobs_done + 16'd1;
                end
            FLUSH:
                if (act_ended && wgt_ended && !load_start)
                    state <= CLOSE;
            CLOSE:
                if (close_ready) begin
                    state     <= IDLE;
                    irq       <= 1'b1;
                    jobs_done <= jobs_done + 16'd1;
                end
            default:
                state <= IDLE;
        endcase
        if ((state == LOAD || state == RUN) && stream_error && !load_start) begin
            state     <= FLUSH;
            run_start <= 1'b0;
            irq       <= 1'b0;
            error     <= act_early ? `CONV_PE_ACT_EARLY : act_late ? `CONV_PE_ACT_LATE
                         : wgt_early ? `CONV_PE_WGT_EARLY : `CONV_PE_WGT_LATE;
        end
        if (expired && state != IDLE) begin
            run_start <= 1'b0;
            quiet     <= 32'd0;
            if (error == `CONV_PE_NONE)
                error <= `CONV_PE_WATCHDOG;
            if (state == CLOSE) begin
                state     <= IDLE;
                irq       <= 1'b1;
                jobs_done <= jobs_done + 16'd1;
            end else
                state <= CLOSE;
        end
        if (rst) begin
            state       <= IDLE;
            check_start <= 1'b0;
            load_start  <= 1'b0;
            run_start   <= 1'b0;
            irq         <= 1'b0;
            error       <= `CONV_PE_NONE;
            jobs_done   <= 16'd0;
            quiet       <= 32'd0;
        end
    end

endmodule

`default_nettype wire
