// Job fetch: takes a started job through its check and its loads, up to its launch.
//
// Contract    one job at a time; the job waits for its region of the tile memory,
//             for its weight stream's turn and for the array, then launch hands it
//             over; a job that cannot run waits in failed until it is dropped; after a
//             watchdog a job is dropped in whatever state it is
// Latency     check (about 40 cycles), then the tile's words
//
//   EMPTY -start-> CHECK -ok-> LOAD -tile in-> LOADED -launch-> EMPTY
//                    |          |                |
//                    +----------+---- error -----+--> FAILED -drop-> EMPTY
`include "status_codes.vh"
`default_nettype none

module job_fetch (
    input  wire       clk,
    input  wire       rst,

    input  wire       start,
    output wire       empty,               // a start would be taken

    output reg        check_start,
    input  wire       check_done,
    input  wire [7:0] check_error,
    output wire       checking,

    input  wire       room,                // nothing else uses the job's tile memory
    output reg        act_start,           // one cycle: the loader begins with this job
    output wire       act_load,
    input  wire       act_complete,
    input  wire       act_early,
    input  wire       act_late,

    input  wire       wgt_free,            // the weight loader is through with earlier jobs
    output reg        wgt_start,           // one cycle, likewise
    output reg        wgt_ours,            // the weight loader works for this job
    input  wire       wgt_early,
    input  wire       wgt_late,

    input  wire       array_free,
    output wire       launch,              // one cycle: the array takes the job
    output wire       loading,
    output wire       failed,
    output reg  [7:0] error,
    output reg        act_begun,           // act_start was given
    input  wire       drop                 // the job has been ended
);

    localparam [2:0] EMPTY = 3'd0, CHECK = 3'd1, LOAD = 3'd2, LOADED = 3'd3, FAILED = 3'd4;

    reg [2:0] state;

    wire runs = state == LOAD || state == LOADED;

    assign empty    = state == EMPTY;
    assign checking = state == CHECK;
    assign loading  = state == LOAD;
    assign act_load = state == LOAD && act_begun;
    assign failed   = state == FAILED;
    assign launch   = state == LOADED && wgt_ours && !wgt_start && array_free
                      && !wgt_early && !wgt_late;

    always @(posedge clk) begin
        check_start <= 1'b0;
        act_start   <= 1'b0;
        wgt_start   <= 1'b0;
        if (runs && !wgt_ours && wgt_free) begin
            wgt_start <= 1'b1;
            wgt_ours  <= 1'b1;
        end
        case (state)
            EMPTY:
                if (start) begin
                    state       <= CHECK;
                    check_start <= 1'b1;
                    act_begun   <= 1'b0;
                    wgt_ours    <= 1'b0;
                    error       <= `CONV_PE_NONE;
                end
            CHECK:
                if (check_done && !check_start) begin
                    error <= check_error;
                    state <= check_error == `CONV_PE_NONE ? LOAD : FAILED;
                end
            LOAD:
                if (!act_begun) begin
                    act_start <= room;
                    act_begun <= room;
                end else if (act_complete && !act_start)
                    state <= LOADED;
            LOADED:
                if (launch) begin
                    state    <= EMPTY;
                    wgt_ours <= 1'b0;
                end
            default: ;
        endcase
        if (runs && act_begun && !act_start && (act_early || act_late)) begin
            state <= FAILED;
            error <= act_early ? `CONV_PE_ACT_EARLY : `CONV_PE_ACT_LATE;
        end else if (runs && wgt_ours && !wgt_start && (wgt_early || wgt_late)) begin
            state <= FAILED;
            error <= wgt_early ? `CONV_PE_WGT_EARLY : `CONV_PE_WGT_LATE;
        end
        if (drop)
            state <= EMPTY;
        if (rst) begin
            state       <= EMPTY;
            check_start <= 1'b0;
            act_start   <= 1'b0;
            wgt_start   <= 1'b0;
            wgt_ours    <= 1'b0;
            act_begun   <= 1'b0;
            error       <= `CONV_PE_NONE;
        end
    end

endmodule

`default_nettype wire
