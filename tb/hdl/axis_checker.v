// AXI4-Stream checker: watches one stream for every rule of the protocol.
//
// Contract    at the first broken rule, broken rises for good and one sentence
//             goes to the log and to checker.txt in the working folder
//
//   rule                    broken when, at a rising clock edge outside reset
//   valid is known          tvalid or tready is X or Z
//   payload is known        tvalid is high and a payload bit is X or Z
//   valid is held           tvalid falls before tready took the beat
//   payload is held         the payload changes before tready took the beat
//   keep is contiguous      TKEEP has a hole, or is empty without TUSER
//   last is in place        TLAST comes early or stays away (beats above 0)
//   silent in reset         tvalid is high in a reset longer than one cycle
//
// keep is all ones where the stream has none.
`default_nettype none

module axis_checker #(
    parameter integer DATA_W = 64,         // bits of tdata
    parameter         NAME   = "stream"    // no range: Icarus 11 loses a string that has one
) (
    input  wire                clk,
    input  wire                rst,        // the watching is suspended
    input  wire                pe_rst,     // the PE's own reset: its master has to be silent

    input  wire [DATA_W-1:0]   tdata,
    input  wire [DATA_W/8-1:0] tkeep,
    input  wire                tvalid,
    input  wire                tready,
    input  wire                tlast,
    input  wire                tuser,
    input  wire [31:0]         beats,      // TLAST belongs on this beat; 0: anywhere

    output reg                 broken
);

    localparam integer KEEP_W = DATA_W / 8;

    wire [DATA_W+KEEP_W+1:0] payload = {tuser, tlast, tkeep, tdata};
    reg  [DATA_W+KEEP_W+1:0] held;
    reg                      waiting;
    reg                      was_rst;
    reg  [31:0]              beat;
    integer                  log;

    task complain(input [8*40-1:0] rule);
        if (!broken) begin
            broken <= 1'b1;
            $display("rule broken on %0s at %0t ps: %0s", NAME, $time, rule);
            log = $fopen("checker.txt", "w");
            $fdisplay(log, "rule broken on %0s at %0t ps: %0s", NAME, $time, rule);
            $fclose(log);
        end
    endtask

    initial begin
        broken  = 1'b0;
        waiting = 1'b0;
        was_rst = 1'b0;
        beat    = 32'd0;
    end

    always @(posedge clk) begin
        was_rst <= pe_rst;
        if (rst) begin
            waiting <= 1'b0;
            beat    <= 32'd0;
            if (pe_rst && was_rst && tvalid === 1'b1)
                complain("silent in reset: TVALID is high");
        end else begin
            if (tvalid !== 1'b0 && tvalid !== 1'b1)
                complain("valid is known: TVALID is X or Z");
            if (tready !== 1'b0 && tready !== 1'b1)
                complain("valid is known: TREADY is X or Z");
            if (waiting && tvalid === 1'b0)
                complain("valid is held: TVALID fell unanswered");
            if (waiting && tvalid === 1'b1 && payload !== held)
                complain("payload is held: it changed unanswered");
            waiting <= tvalid && !tready;
            if (tvalid && !tready)
                held <= payload;
            if (tvalid && tready) begin
                beat <= tlast ? 32'd0 : beat + 32'd1;
                if ((^payload) === 1'bx)
                    complain("payload is known: a bit is X or Z");
                if ((tkeep & (tkeep + 1'b1)) != {KEEP_W{1'b0}})
                    complain("keep is contiguous: TKEEP has a hole");
                if (tkeep == {KEEP_W{1'b0}} && !tuser)
                    complain("keep is contiguous: TKEEP is empty");
                if (beats != 32'd0 && !tuser && tlast && beat + 32'd1 < beats)
                    complain("last is in place: TLAST is early");
                if (beats != 32'd0 && !tuser && !tlast && beat + 32'd1 >= beats)
                    complain("last is in place: TLAST is missing");
            end
        end
    end

endmodule

`default_nettype wire
