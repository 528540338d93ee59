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

    localparam integer PAYLOAD_W = DATA_W + KEEP_W + 2;

    reg  [PAYLOAD_W-1:0]     held;
    reg                      waiting;
    reg                      was_rst;
    reg  [31:0]              beat;
    integer                  log;

    reg [3:0]                rule;         // broken in this cycle; 0: none
    reg [8*40-1:0]           sentence;

    task complain;
        begin
            broken <= 1'b1;
            case (rule)
                4'd1:  sentence = "silent in reset: TVALID is high";
                4'd2:  sentence = "valid is known: TVALID is X or Z";
                4'd3:  sentence = "valid is known: TREADY is X or Z";
                4'd4:  sentence = "valid is held: TVALID fell unanswered";
                4'd5:  sentence = "payload is held: it changed unanswered";
                4'd6:  sentence = "payload is known: a bit is X or Z";
                4'd7:  sentence = "keep is contiguous: TKEEP has a hole";
                4'd8:  sentence = "keep is contiguous: TKEEP is empty";
                4'd9:  sentence = "last is in place: TLAST is early";
                4'd10: sentence = "last is in place: TLAST is missing";
                default: sentence = "unknown rule";
            endcase
            $display("rule broken on %0s at %0t ps: %0s", NAME, $time, sentence);
            log = $fopen("checker.txt", "w");
            $fdisplay(log, "rule broken on %0s at %0t ps: %0s", NAME, $time, sentence);
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
        rule = 4'd0;
        if (rst) begin
            waiting <= 1'b0;
            beat    <= 32'd0;
            if (pe_rst && was_rst && tvalid === 1'b1)
                rule = 4'd1;
        end else begin
            if (tvalid !== 1'b0 && tvalid !== 1'b1)
                rule = 4'd2;
            if (tready !== 1'b0 && tready !== 1'b1)
                rule = 4'd3;
            if (waiting && tvalid === 1'b0)
                rule = 4'd4;
            if (waiting && tvalid === 1'b1 && {tuser, tlast, tkeep, tdata} !== held)
                rule = 4'd5;
            waiting <= tvalid && !tready;
            if (tvalid && !tready)
                held <= {tuser, tlast, tkeep, tdata};
            if (tvalid && tready) begin
                beat <= tlast ? 32'd0 : beat + 32'd1;
                if ((^{tuser, tlast, tkeep, tdata}) === 1'bx)
                    rule = 4'd6;
                if ((tkeep & (tkeep + 1'b1)) != {KEEP_W{1'b0}})
                    rule = 4'd7;
                if (tkeep == {KEEP_W{1'b0}} && !tuser)
                    rule = 4'd8;
                if (beats != 32'd0 && !tuser && tlast && beat + 32'd1 < beats)
                    rule = 4'd9;
                if (beats != 32'd0 && !tuser && !tlast && beat + 32'd1 >= beats)
                    rule = 4'd10;
            end
        end
        if (rule != 4'd0 && !broken)
            complain;
    end

endmodule

`default_nettype wire
